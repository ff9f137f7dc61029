#include "unit/test.h"

#include "fetch/fetch_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const char *verdict(const char *text) {
    lk_ip ip;
    if (!lk_ip_read(text, &ip))
        fail_msg("%s is not read", text);
    return lk_ip_special(&ip);
}

static void addresses_that_are_given_out_are_public(void **state) {
    (void)state;
    static const char *const public[] = {"1.1.1.1",        "8.8.8.8",         "9.255.255.255",   "11.0.0.0",
                                         "93.184.216.34",  "100.63.255.255",  "100.128.0.0",     "126.1.2.3",
                                         "128.0.0.1",      "169.253.255.255", "169.255.0.0",     "172.15.255.255",
                                         "172.32.0.0",     "192.0.1.0",       "192.167.255.255", "192.169.0.0",
                                         "198.17.255.255", "198.20.0.0",      "223.255.255.255", "::ffff:8.8.8.8",
                                         "2606:4700::1",   "2a00:1450::8888", "2001:200::1",     "64:ff9b::8.8.8.8"};
    for (size_t i = 0; i < LK_LENGTH(public); i++)
        if (verdict(public[i]) != NULL)
            fail_msg("%s is called %s", public[i], verdict(public[i]));
}

static void all_others_are_named(void **state) {
    (void)state;
    static const struct {
        const char *address, *word;
    } table[] = {{"0.0.0.0", "this host"},
                 {"0.1.2.3", "this host"},
                 {"10.0.0.1", "private"},
                 {"10.255.255.255", "private"},
                 {"100.64.0.1", "provider"},
                 {"100.100.100.200", "provider"},
                 {"100.127.255.255", "provider"},
                 {"127.0.0.1", "loopback"},
                 {"127.255.255.255", "loopback"},
                 {"168.63.129.16", "secrets"},
                 {"169.254.169.254", "secrets"},
                 {"169.254.0.1", "link-local"},
                 {"172.16.0.1", "private"},
                 {"172.31.255.255", "private"},
                 {"192.0.0.192", "reserved"},
                 {"192.0.2.1", "documentation"},
                 {"192.88.99.1", "relay"},
                 {"192.168.1.1", "private"},
                 {"198.18.0.1", "measurements"},
                 {"198.51.100.9", "documentation"},
                 {"203.0.113.9", "documentation"},
                 {"224.0.0.1", "multicast"},
                 {"239.255.255.250", "multicast"},
                 {"240.0.0.1", "reserved"},
                 {"255.255.255.255", "reserved"},
                 {"::", "this host"},
                 {"::1", "loopback"},
                 {"::ffff:127.0.0.1", "loopback"},
                 {"::ffff:10.1.2.3", "private"},
                 {"::ffff:169.254.169.254", "secrets"},
                 {"::127.0.0.1", "nobody"},
                 {"::ffff:0:127.0.0.1", "nobody"},
                 {"64:ff9b::127.0.0.1", "loopback"},
                 {"64:ff9b::10.0.0.1", "private"},
                 {"64:ff9b::169.254.169.254", "secrets"},
                 {"64:ff9b:1::8.8.8.8", "nobody"},
                 {"100::1", "nobody"},
                 {"2001::1", "Teredo"},
                 {"2001:0:808:808:0:0:80ff:fffe", "Teredo"},
                 {"2001:2::1", "reserved"},
                 {"2001:10::1", "reserved"},
                 {"2001:20::1", "reserved"},
                 {"2001:db8::1", "documentation"},
                 {"2002:7f00:1::1", "6to4"},
                 {"2002:808:808::1", "6to4"},
                 {"2606:4700::5efe:10.0.0.1", "ISATAP"},
                 {"2606:4700::200:5efe:8.8.8.8", "ISATAP"},
                 {"3fff::1", "documentation"},
                 {"4000::1", "nobody"},
                 {"5f00::1", "nobody"},
                 {"fc00::1", "private"},
                 {"fd12:3456::1", "private"},
                 {"fd00:ec2::254", "secrets"},
                 {"fe80::1", "link-local"},
                 {"febf::1", "link-local"},
                 {"fec0::1", "site-local"},
                 {"ff02::1", "multicast"}};
    for (size_t i = 0; i < LK_LENGTH(table); i++) {
        const char *what = verdict(table[i].address);
        if (what == NULL || strstr(what, table[i].word) == NULL)
            fail_msg("%s is called %s, not %s", table[i].address, what == NULL ? "public" : what, table[i].word);
    }
}

static void only_whole_numbers_are_addresses(void **state) {
    (void)state;
    static const char *const none[] = {"",           "127.1",        "0177.0.0.1", "0x7f.0.0.1", "2130706433",
                                       "127.0.0.1.", "127.0.0.1 ",   "[::1]",      "fe80::1%lo", "1.2.3.4.5",
                                       "1.2.3.256",  "::ffff:1.2.3", "12345::",    "::1::2"};
    lk_ip ip;
    lk_ip_range range;
    for (size_t i = 0; i < LK_LENGTH(none); i++)
        if (lk_ip_read(none[i], &ip) || lk_ip_range_read(none[i], &range))
            fail_msg("\"%s\" is read", none[i]);
}

static void ranges_hold_what_they_say(void **state) {
    (void)state;
    static const struct {
        const char *range, *address;
        bool in;
    } table[] = {{"10.0.0.0/8", "10.255.1.2", true},
                 {"10.0.0.0/8", "11.0.0.0", false},
                 {"10.1.2.3", "10.1.2.3", true},
                 {"10.1.2.3", "10.1.2.4", false},
                 {"10.1.2.4/31", "10.1.2.5", true},
                 {"10.1.2.4/31", "10.1.2.6", false},
                 {"10.1.2.3", "::ffff:10.1.2.3", true},
                 {"10.1.2.3", "64:ff9b::10.1.2.3", false},
                 {"0.0.0.0/0", "200.1.1.1", true},
                 {"0.0.0.0/0", "fd00::1", false},
                 {"fd00::/8", "fd12::7", true},
                 {"fd00::/8", "fc12::7", false},
                 {"::1", "::1", true},
                 {"::/0", "10.0.0.1", true},
                 {"2001:db8:7::/49", "2001:db8:7::", true},
                 {"2001:db8:7::/49", "2001:db8:7:8000::", false}};
    static const char *const none[] = {"10.0.0.1/8",   "10.0.0.0/33", "10.0.0.0/",    "10.0.0.0/-1",
                                       "10.0.0.0/8x",  "::1/127",     "::/129",       "/8",
                                       "10.0.0.0/08 ", "a/8",         "::/4294967297"};
    for (size_t i = 0; i < LK_LENGTH(table); i++) {
        lk_ip_range range;
        lk_ip ip;
        assert_true(lk_ip_range_read(table[i].range, &range));
        assert_true(lk_ip_read(table[i].address, &ip));
        if (lk_ip_in(&ip, &range) != table[i].in)
            fail_msg("%s in %s: not %d", table[i].address, table[i].range, table[i].in);
    }
    for (size_t i = 0; i < LK_LENGTH(none); i++) {
        lk_ip_range range;
        if (lk_ip_range_read(none[i], &range))
            fail_msg("\"%s\" is a range", none[i]);
    }
}

static void what_a_socket_leads_to_is_read(void **state) {
    (void)state;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(81), .sin_addr.s_addr = htonl(0x0a000001)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(82), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const struct sockaddr other = {.sa_family = AF_UNIX};
    lk_ip ip;
    int port = 0;
    char text[LK_IP_TEXT];
    assert_true(lk_ip_of((const struct sockaddr *)&in, &ip, &port));
    lk_ip_format(&ip, text);
    assert_string_equal(text, "10.0.0.1");
    assert_int_equal(port, 81);
    assert_true(lk_ip_of((const struct sockaddr *)&in6, &ip, &port));
    lk_ip_format(&ip, text);
    assert_string_equal(text, "::1");
    assert_int_equal(port, 82);
    assert_false(lk_ip_of(&other, &ip, &port));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_that_are_given_out_are_public), cmocka_unit_test(all_others_are_named),
        cmocka_unit_test(only_whole_numbers_are_addresses),        cmocka_unit_test(ranges_hold_what_they_say),
        cmocka_unit_test(what_a_socket_leads_to_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
