#include "unit/test.h"

#include "fetch/fetch_int.h"

#include <stdio.h>
#include <string.h>

static lk_fetch_rule rule_of(const char *text) {
    lk_fetch_rule rule;
    liken_error err;
    assert_ok(lk_fetch_rule_read(text, &rule, &err), err);
    return rule;
}

static void hosts_are_read_in_one_way(void **state) {
    (void)state;
    static const struct {
        const char *url, *host, *text;
        int port;
    } table[] = {
        {"http://Example.ORG/a", "example.org", "http://example.org/a", 80},
        {"HTTPS://example.org", "example.org", "https://example.org/", 443},
        {"https://example.org./x", "example.org", "https://example.org/x", 443},
        {"http://example.org:8080/?q#part", "example.org", "http://example.org:8080/?q", 8080},
        {"http://xn--bcher-kva.example/", "xn--bcher-kva.example", NULL, 80},
        {"http://a_b.example.org/x y", "a_b.example.org", "http://a_b.example.org/x%20y", 80},
        {"http://127.0.0.1/", "127.0.0.1", "http://127.0.0.1/", 80},
        {"http://127.0.0.1./", "127.0.0.1", "http://127.0.0.1/", 80},
        {"http://2130706433/", "127.0.0.1", "http://127.0.0.1/", 80},
        {"http://0x7f000001/", "127.0.0.1", "http://127.0.0.1/", 80},
        {"http://0177.0.0.1/", "127.0.0.1", "http://127.0.0.1/", 80},
        {"http://127.1/", "127.0.0.1", "http://127.0.0.1/", 80},
        {"http://[::1]:81/", "::1", "http://[::1]:81/", 81},
        {"http://[::FFFF:7f00:1]/", "::ffff:127.0.0.1", NULL, 80},
        {"http://%31%32%37.0.0.1/", "127.0.0.1", "http://127.0.0.1/", 80},
    };
    for (size_t i = 0; i < LK_LENGTH(table); i++) {
        lk_fetch_target t;
        lk_fetch_reason reason;
        liken_error err;
        if (lk_fetch_target_read(table[i].url, &t, &reason, &err) != LIKEN_OK)
            fail_msg("%s: %s", table[i].url, err.message);
        lk_ip ip;
        if (lk_ip_read(table[i].host, &ip))
            assert_true(t.host.literal && memcmp(&ip, &t.host.ip, sizeof ip) == 0);
        else
            assert_string_equal(t.host.name, table[i].host);
        if (table[i].text != NULL)
            assert_string_equal(t.text, table[i].text);
        assert_int_equal(t.port, table[i].port);
        lk_fetch_target_free(&t);
    }
}

static void other_urls_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *url;
        lk_fetch_reason reason;
    } table[] = {
        {"", LK_FETCH_BAD_URL},
        {"example.org/x", LK_FETCH_BAD_URL},
        {"http://", LK_FETCH_BAD_URL},
        {"http://a..b/", LK_FETCH_BAD_URL},
        {"http://.a/", LK_FETCH_BAD_URL},
        {"http://a../", LK_FETCH_BAD_URL},
        {"http://./", LK_FETCH_BAD_URL},
        {"http://a b/", LK_FETCH_BAD_URL},
        {"http://a\tb/", LK_FETCH_BAD_URL},
        {"http://a/\r\nX: y", LK_FETCH_BAD_URL},
        {"http://a\xff/", LK_FETCH_BAD_URL},
        {"http://a:0/", LK_FETCH_BAD_URL},
        {"http://a:65536/", LK_FETCH_BAD_URL},
        {"http://a:b/", LK_FETCH_BAD_URL},
        {"http://1.2.3.4.5/", LK_FETCH_BAD_URL},
        {"http://256.1.1.1/", LK_FETCH_BAD_URL},
        {"http://a.0x7f/", LK_FETCH_BAD_URL},
        {"http://a.1/", LK_FETCH_BAD_URL},
        {"http://[fe80::1%25eth0]/", LK_FETCH_BAD_URL},
        {"http://[fe80::1%eth0]/", LK_FETCH_BAD_URL},
        {"http://[::1/", LK_FETCH_BAD_URL},
        {"http://[a.b]/", LK_FETCH_BAD_URL},
        {"http://[1.2.3.4]/", LK_FETCH_BAD_URL},
        {"http://b\xc3\xbc.example/", LK_FETCH_BAD_URL},
        /* 127.0.0.1 and its dots in other alphabets */
        {"http://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/", LK_FETCH_BAD_URL},
        {"http://127\xe3\x80\x82\x30\xe3\x80\x82\x30\xe3\x80\x82\x31/", LK_FETCH_BAD_URL},
        {"http://%EF%BC%91.0.0.1/", LK_FETCH_BAD_URL},
        {"http://a%00b/", LK_FETCH_BAD_URL},
        {"http://a%2f.b/", LK_FETCH_BAD_URL},
        {"http://a\\@b/", LK_FETCH_CREDENTIALS},
        {"http://u@a/", LK_FETCH_CREDENTIALS},
        {"http://u:p@a/", LK_FETCH_CREDENTIALS},
        {"http://:@a/", LK_FETCH_CREDENTIALS},
        {"http://good.example@127.0.0.1/", LK_FETCH_CREDENTIALS},
        {"ftp://a/", LK_FETCH_SCHEME},
        {"file:///etc/passwd", LK_FETCH_SCHEME},
        {"gopher://a/", LK_FETCH_SCHEME},
        {"dict://a:1/", LK_FETCH_SCHEME},
        {"made-up://a/", LK_FETCH_SCHEME},
    };
    for (size_t i = 0; i < LK_LENGTH(table); i++) {
        lk_fetch_target t;
        lk_fetch_reason reason = LK_FETCH_DONE;
        liken_error err = {0};
        if (lk_fetch_target_read(table[i].url, &t, &reason, &err) == LIKEN_OK)
            fail_msg("%s is read as %s", table[i].url, t.text);
        if (reason != table[i].reason)
            fail_msg("%s: %s (%s)", table[i].url, lk_fetch_reason_code(reason), err.message);
        assert_int_equal(err.code, LIKEN_E_ARG);
        lk_fetch_target_free(&t);
    }
}

static void texts_have_a_limit(void **state) {
    (void)state;
    char url[LK_FETCH_URL_MAX + 64];
    char label[80];
    lk_fetch_target t;
    lk_fetch_reason reason;
    memset(url, 'a', sizeof url);
    memcpy(url, "http://a.example/", 17);
    url[LK_FETCH_URL_MAX + 1] = '\0';
    assert_int_equal(lk_fetch_target_read(url, &t, &reason, NULL), LIKEN_E_ARG);
    lk_fetch_target_free(&t);
    url[LK_FETCH_URL_MAX] = '\0';
    assert_int_equal(lk_fetch_target_read(url, &t, &reason, NULL), LIKEN_OK);
    assert_int_equal(strlen(t.text), LK_FETCH_URL_MAX);
    lk_fetch_target_free(&t);
    url[100] = ' '; /* becomes %20 */
    assert_int_equal(lk_fetch_target_read(url, &t, &reason, NULL), LIKEN_E_ARG);
    lk_fetch_target_free(&t);
    memset(label, 'b', sizeof label);
    memcpy(label, "http://", 7);
    label[7 + 63] = '\0';
    assert_int_equal(lk_fetch_target_read(label, &t, &reason, NULL), LIKEN_OK);
    lk_fetch_target_free(&t);
    label[7 + 63] = 'b';
    label[7 + 64] = '\0';
    assert_int_equal(lk_fetch_target_read(label, &t, &reason, NULL), LIKEN_E_ARG);
    lk_fetch_target_free(&t);
}

static void rules_allow_what_they_name(void **state) {
    (void)state;
    static const struct {
        const char *rule, *url;
        bool allowed;
    } table[] = {
        {"example.org", "http://example.org/", true},
        {"example.org", "https://EXAMPLE.org./", true},
        {"example.org", "http://example.org:81/", false},
        {"example.org", "https://example.org:80/", false},
        {"example.org", "http://www.example.org/", false},
        {"example.org", "http://example.org.evil.test/", false},
        {"example.org", "http://notexample.org/", false},
        {"Example.Org.", "http://example.org/", true},
        {"example.org:81", "http://example.org:81/", true},
        {"example.org:81", "https://example.org:81/", true},
        {"example.org:81", "http://example.org/", false},
        {"*.example.org", "http://a.example.org/", true},
        {"*.example.org", "http://a.b.example.org/", true},
        {"*.example.org", "http://example.org/", false},
        {"*.example.org", "http://aexample.org/", false},
        {"*.example.org", "http://example.org.a/", false},
        {"*.example.org:443", "https://a.example.org/", true},
        {"*.example.org:443", "http://a.example.org/", false},
        {"127.0.0.1", "http://127.0.0.1/", true},
        {"127.0.0.1", "http://0x7f.1/", true},
        {"127.0.0.1", "http://[::ffff:127.0.0.1]/", true},
        {"127.0.0.1", "http://127.0.0.2/", false},
        {"127.0.0.1:81", "http://127.0.0.1/", false},
        {"10.0.0.0/8", "http://10.9.8.7/", true},
        {"10.0.0.0/8", "http://10.example.org/", false},
        {"[::1]:81", "http://[::1]:81/", true},
        {"::1", "http://[::1]/", true},
        {"fd00::/8", "https://[fd00::7]/", true},
        {"8.8.8.8.example", "http://8.8.8.8/", false},
        {"2130706433", "http://127.0.0.1/", true},
    };
    for (size_t i = 0; i < LK_LENGTH(table); i++) {
        const lk_fetch_rule rule = rule_of(table[i].rule);
        lk_fetch_target t;
        lk_fetch_reason reason;
        liken_error err;
        assert_ok(lk_fetch_target_read(table[i].url, &t, &reason, &err), err);
        if (lk_fetch_rules_host(&rule, 1, &t) != table[i].allowed)
            fail_msg("%s by %s: not %d", table[i].url, table[i].rule, table[i].allowed);
        assert_false(lk_fetch_rules_host(&rule, 0, &t));
        lk_fetch_target_free(&t);
    }
}

static void a_rule_of_an_address_is_for_its_port(void **state) {
    (void)state;
    const lk_fetch_rule rules[] = {rule_of("10.0.0.0/8"), rule_of("[::1]:81"), rule_of("example.org")};
    lk_ip ten, one;
    assert_true(lk_ip_read("10.2.3.4", &ten));
    assert_true(lk_ip_read("::1", &one));
    assert_true(lk_fetch_rules_address(rules, 3, &ten, 9999));
    assert_true(lk_fetch_rules_address(rules, 3, &one, 81));
    assert_false(lk_fetch_rules_address(rules, 3, &one, 80));
    assert_false(lk_fetch_rules_address(rules + 2, 1, &ten, 80));
}

static void rules_that_name_no_host_are_refused(void **state) {
    (void)state;
    static const char *const none[] = {
        "",    "*",    "*.",  "*.org",         "*.10.0.0.1", "a.*.org", "**.a.b",     "http://a",  "a/b",
        "a?b", "u@a",  "a:0", "a:x",           "a:99999",    "a..b",    "10.0.0.1/8", "1.2.3.4/8", "fe80::1%lo",
        "a b", "a\nb", "[a]", "10.0.0.0/8:81", "a#b",        "a\\b",    "%61"};
    for (size_t i = 0; i < LK_LENGTH(none); i++) {
        lk_fetch_rule rule;
        liken_error err = {0};
        if (lk_fetch_rule_read(none[i], &rule, &err) == LIKEN_OK)
            fail_msg("\"%s\" is a rule", none[i]);
        assert_int_equal(err.code, LIKEN_E_ARG);
        assert_null(strchr(err.message, '\n'));
        assert_non_null(strstr(err.message, "Write it as"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_read_in_one_way),
        cmocka_unit_test(other_urls_are_refused),
        cmocka_unit_test(texts_have_a_limit),
        cmocka_unit_test(rules_allow_what_they_name),
        cmocka_unit_test(a_rule_of_an_address_is_for_its_port),
        cmocka_unit_test(rules_that_name_no_host_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
