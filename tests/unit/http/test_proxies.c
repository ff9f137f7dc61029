/* Whom a proxy speaks for: what is believed of a list that ends with the proxy's word and begins with anybody's. */
#include "unit/test.h"

#include "http/http_int.h"

#include <stdio.h>
#include <string.h>

static void read_address(const char *text, uint8_t out[16]) {
    lk_proxies one;
    liken_error err = {0};
    assert_ok(lk_proxies_parse(text, false, &one, &err), err);
    memcpy(out, one.list[0].address, 16);
}

static void expect(const char *trusted, bool forwarded, const char *from, const char *list, const char *client) {
    lk_proxies p;
    liken_error err = {0};
    uint8_t address[16];
    char text[48];
    assert_ok(lk_proxies_parse(trusted, forwarded, &p, &err), err);
    read_address(from, address);
    lk_proxies_client(&p, list, address);
    lk_address_format(address, text, sizeof text);
    assert_string_equal(text, client);
}

static void the_last_that_is_not_trusted_is_the_client(void **state) {
    (void)state;
    static const struct {
        const char *from, *list, *client;
    } cases[] = {
        {"10.0.0.1", "203.0.113.7", "203.0.113.7"},
        {"10.0.0.1", "1.1.1.1, 203.0.113.7", "203.0.113.7"}, /* what the client itself wrote */
        {"10.0.0.1", "203.0.113.7, 10.0.0.2 ,10.9.9.9", "203.0.113.7"},
        {"10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"}, /* all are ours: the first of them asked */
        {"192.0.2.1", "203.0.113.7", "192.0.2.1"},      /* nobody's proxy */
        {"10.0.0.1", NULL, "10.0.0.1"},
        {"10.0.0.1", "", "10.0.0.1"},
        {"10.0.0.1", "203.0.113.7, unknown", "10.0.0.1"}, /* nothing behind what is no address counts */
        {"10.0.0.1", "203.0.113.7, ", "10.0.0.1"},
        {"10.0.0.1", "203.0.113.7, 10.0.0.2, x", "10.0.0.1"},
        {"10.0.0.1", "203.0.113.7:4711", "203.0.113.7"},
        {"10.0.0.1", "2001:db8::7", "2001:db8::7"},
        {"10.0.0.1", "[2001:db8::7]:80", "2001:db8::7"},
        {"10.0.0.1", "[203.0.113.7]", "10.0.0.1"},
        {"10.0.0.1", "2001:db8::7%eth0", "10.0.0.1"},
        {"10.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"},
        {"fd00::1", "203.0.113.7, fd00:9::2", "203.0.113.7"},
        {"::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7"},
        {"10.0.0.1", "\"203.0.113.7", "10.0.0.1"},
        {"10.0.0.1", "\", 203.0.113.7", "203.0.113.7"}, /* a quote that the client left open */
        {"10.0.0.1", ",,,203.0.113.7", "203.0.113.7"},
    };
    for (size_t i = 0; i < LK_LENGTH(cases); i++)
        expect("10.0.0.0/8 fd00::/16", false, cases[i].from, cases[i].list, cases[i].client);
}

static void whom_a_proxy_does_not_name_is_nobody(void **state) {
    (void)state;
    static const struct {
        const char *list;
        bool told;
    } cases[] = {{NULL, true}, {"203.0.113.7", true}, {"127.0.0.1", true},          {"203.0.113.7, unknown", false},
                 {"", false},  {"unix:", false},      {"unknown, 127.0.0.1", false}};
    lk_proxies p;
    liken_error err = {0};
    assert_ok(lk_proxies_parse("127.0.0.1", false, &p, &err), err);
    for (size_t i = 0; i < LK_LENGTH(cases); i++) {
        uint8_t client[16];
        read_address("127.0.0.1", client);
        assert_int_equal(lk_proxies_client(&p, cases[i].list, client), cases[i].told);
    }
}

static void forwarded_is_read_as_its_rfc_has_it(void **state) {
    (void)state;
    static const struct {
        const char *list, *client;
    } cases[] = {
        {"for=203.0.113.7", "203.0.113.7"},
        {"For=\"[2001:db8::7]:4711\";proto=https;by=10.0.0.1", "2001:db8::7"},
        {"proto=http; for=203.0.113.7", "203.0.113.7"},
        {"for=1.1.1.1, for=203.0.113.7;host=\"a, for=9.9.9.9\"", "203.0.113.7"},
        {"for=1.1.1.1, for=unknown", "127.0.0.1"},
        {"for=1.1.1.1, for=_hidden", "127.0.0.1"},
        {"for=1.1.1.1, proto=https", "127.0.0.1"},
        {"203.0.113.7", "127.0.0.1"},
        {"for=203.0.113.7, for=127.0.0.1", "203.0.113.7"},
        {"for=\"1.1.1.1, for=203.0.113.7", "203.0.113.7"}, /* likewise */
        {"for=\"1.1.1.1, for=\"203.0.113.7\"", "203.0.113.7"},
        {"for=\\\", for=\"[2001:db8::7]\"", "2001:db8::7"},
        {"for=", "127.0.0.1"},
    };
    for (size_t i = 0; i < LK_LENGTH(cases); i++)
        expect("127.0.0.1", true, "127.0.0.1", cases[i].list, cases[i].client);
}

static void long_lists_are_read_from_their_end(void **state) {
    (void)state;
    char list[4096] = "";
    for (int i = 0; i < 200; i++)
        (void)snprintf(list + strlen(list), sizeof list - strlen(list), "198.51.100.%d,", i % 250);
    (void)snprintf(list + strlen(list), sizeof list - strlen(list), "203.0.113.7");
    expect("10.0.0.0/8", false, "10.0.0.1", list, "203.0.113.7");
    list[0] = '\0';
    for (int i = 0; i < 200; i++)
        (void)snprintf(list + strlen(list), sizeof list - strlen(list), "%s10.0.0.%d", i == 0 ? "" : ",", i);
    expect("10.0.0.0/8", false, "10.1.1.1", list, "10.0.0.168"); /* so many hops are followed, no more */
}

static void networks_are_read(void **state) {
    (void)state;
    static const char *const bad[] = {"x",          "10.0.0.0/33",  "10.0.0.0/-1", "10.0.0.0/",    "10.0.0/8",
                                      "::/129",     "10.0.0.1/8/8", "localhost",   "10.0.0.1 , y", "fe80::1%eth0",
                                      "10.0.0.1/8x"};
    lk_proxies p;
    liken_error err = {0};
    uint8_t address[16];
    for (size_t i = 0; i < LK_LENGTH(bad); i++)
        assert_int_equal(lk_proxies_parse(bad[i], false, &p, &err), LIKEN_E_ARG);
    assert_ok(lk_proxies_parse(NULL, false, &p, &err), err);
    assert_int_equal(p.count, 0);
    assert_ok(lk_proxies_parse(" 10.1.0.0/12,,192.0.2.1 0.0.0.0/0", false, &p, &err), err);
    assert_int_equal(p.count, 3);
    p.count = 2;
    read_address("10.15.255.255", address);
    assert_true(lk_proxies_trust(&p, address));
    read_address("10.16.0.0", address);
    assert_false(lk_proxies_trust(&p, address));
    read_address("192.0.2.2", address);
    assert_false(lk_proxies_trust(&p, address));
    assert_ok(lk_proxies_parse("0.0.0.0/0", false, &p, &err), err);
    assert_true(lk_proxies_trust(&p, address));
    read_address("2001:db8::1", address);
    assert_false(lk_proxies_trust(&p, address));
}

static void addresses_are_counted_by_subscriber(void **state) {
    (void)state;
    uint8_t a[16], b[16];
    read_address("2001:db8:1:2:3:4:5:6", a);
    read_address("2001:db8:1:2::9", b);
    lk_address_mask(a);
    lk_address_mask(b);
    assert_memory_equal(a, b, 16);
    read_address("2001:db8:1:3::9", b);
    lk_address_mask(b);
    assert_memory_not_equal(a, b, 16);
    read_address("203.0.113.7", a);
    read_address("203.0.113.8", b);
    lk_address_mask(a);
    lk_address_mask(b);
    assert_memory_not_equal(a, b, 16);
}

static void the_base_path_is_taken_off(void **state) {
    (void)state;
    static const struct {
        const char *raw, *base, *below;
    } cases[] = {{"/v1/status", "/liken", "/v1/status"},
                 {"/liken/v1/status?x=1", "/liken", "/v1/status?x=1"},
                 {"/likeness", "/liken", "/likeness"},
                 {"/liken", "/liken", "/"},
                 {"/liken/", "/liken", "/"},
                 {"http://a/liken/x", "/liken", "/x"},
                 {"https://a/liken/x", "/liken", "/x"},
                 {"/a/b/c", "/a/b", "/c"},
                 {"/v1", NULL, "/v1"},
                 {"liken/x", "/liken", "liken/x"}};
    for (size_t i = 0; i < LK_LENGTH(cases); i++)
        assert_string_equal(lk_target_below(cases[i].raw, cases[i].base), cases[i].below);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_that_is_not_trusted_is_the_client),
        cmocka_unit_test(whom_a_proxy_does_not_name_is_nobody),
        cmocka_unit_test(forwarded_is_read_as_its_rfc_has_it),
        cmocka_unit_test(long_lists_are_read_from_their_end),
        cmocka_unit_test(networks_are_read),
        cmocka_unit_test(addresses_are_counted_by_subscriber),
        cmocka_unit_test(the_base_path_is_taken_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
