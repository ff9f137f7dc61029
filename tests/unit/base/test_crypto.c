#include "unit/test.h"

#include "base/crypto.h"

#include <string.h>

static void sha256_of_the_standard_vectors(void **state) {
    (void)state;
    char hex[LK_SHA256_HEX];
    lk_sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    lk_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    static char million[1000001]; /* one off an alignment, and of many blocks */
    memset(million, 'a', sizeof million);
    lk_sha256_hex(million + 1, sizeof million - 1, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void secrets_compare_and_random_differs(void **state) {
    (void)state;
    unsigned char a[16], b[16];
    lk_random(a, sizeof a);
    lk_random(b, sizeof b);
    assert_false(lk_equal_secret(a, b, sizeof a));
    memcpy(b, a, sizeof b);
    assert_true(lk_equal_secret(a, b, sizeof a));
}

static void random_texts_have_their_form(void **state) {
    (void)state;
    char hex[161], other[161], id[LK_UUID_TEXT], other_id[LK_UUID_TEXT];
    for (size_t size = 0; size <= 80; size += 16) {
        memset(hex, 'x', sizeof hex);
        lk_random_hex(size, hex);
        assert_int_equal(strlen(hex), 2 * size);
        assert_int_equal(strspn(hex, "0123456789abcdef"), 2 * size);
    }
    lk_random_hex(80, other);
    for (size_t at = 0; at < 160; at += 32) /* no part of it is left as it was */
        assert_memory_not_equal(hex + at, other + at, 32);
    lk_random_uuid(id);
    lk_random_uuid(other_id);
    assert_string_not_equal(id, other_id);
    assert_int_equal(strlen(id), 36);
    for (size_t i = 0; i < 36; i++)
        assert_int_equal(id[i] == '-', i == 8 || i == 13 || i == 18 || i == 23);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sha256_of_the_standard_vectors),
                                       cmocka_unit_test(secrets_compare_and_random_differs),
                                       cmocka_unit_test(random_texts_have_their_form)};
    return cmocka_run_group_tests_name("base/crypto", tests, NULL, NULL);
}
