/* address.c - which numeric addresses are public.
 *
 * The list is that of the registries of special-purpose addresses (RFC 6890 and what followed it), and of those that
 * name an IPv4 address inside an IPv6 one. Of IPv6 only 2000::/3 is given out, so that everything outside of it is
 * refused without being listed, but for the one prefix by which hosts without IPv4 reach it (NAT64): there the address
 * inside is what is judged. */
#include "fetch/fetch_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *range, *what;
} special[] = {
    {"0.0.0.0/8", "an address of this host itself"},
    {"10.0.0.0/8", "a private address"},
    {"100.64.0.0/10", "an address inside a provider's network"},
    {"127.0.0.0/8", "a loopback address"},
    {"168.63.129.16/32", "the address where a cloud keeps the secrets of its machines"},
    {"169.254.169.254/32", "the address where clouds keep the secrets of their machines"},
    {"169.254.0.0/16", "a link-local address"},
    {"172.16.0.0/12", "a private address"},
    {"192.0.0.0/24", "a reserved address"},
    {"192.0.2.0/24", "an address for documentation"},
    {"192.88.99.0/24", "a relay to IPv6"},
    {"192.168.0.0/16", "a private address"},
    {"198.18.0.0/15", "an address for measurements"},
    {"198.51.100.0/24", "an address for documentation"},
    {"203.0.113.0/24", "an address for documentation"},
    {"224.0.0.0/4", "a multicast address"},
    {"240.0.0.0/4", "a reserved address"},
    {"::/128", "an address of this host itself"},
    {"::1/128", "a loopback address"},
    {"fd00:ec2::254/128", "the address where a cloud keeps the secrets of its machines"},
    {"fc00::/7", "a private address"},
    {"fe80::/10", "a link-local address"},
    {"fec0::/10", "a site-local address"},
    {"ff00::/8", "a multicast address"},
    {"2001::/32", "a Teredo address, which leads to another"},
    {"2001::/23", "a reserved address"},
    {"2001:db8::/32", "an address for documentation"},
    {"2002::/16", "a 6to4 address, which leads to another"},
    {"3fff::/20", "an address for documentation"},
};

bool lk_ip_read(const char *text, lk_ip *out) {
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        memcpy(out->bytes, mapped, sizeof mapped);
        memcpy(out->bytes + sizeof mapped, &v4, sizeof v4);
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6) != 1)
        return false;
    memcpy(out->bytes, &v6, sizeof v6);
    return true;
}

static bool is_v4(const lk_ip *ip) {
    return IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)ip->bytes);
}

/* Whether the bits of `ip` from `bits` on are all 0. */
static bool ends_in_zeros(const lk_ip *ip, int bits) {
    for (int i = bits; i < 128; i++)
        if ((ip->bytes[i / 8] >> (7 - i % 8) & 1) != 0)
            return false;
    return true;
}

bool lk_ip_range_read(const char *text, lk_ip_range *out) {
    char alone[64];
    const size_t size = strcspn(text, "/");
    lk_ip_range range = {.bits = 128};
    if (size >= sizeof alone)
        return false;
    memcpy(alone, text, size);
    alone[size] = '\0';
    if (!lk_ip_read(alone, &range.ip))
        return false;
    if (text[size] == '/') {
        const char *digits = text + size + 1;
        const size_t count = strspn(digits, "0123456789");
        const int base = strchr(alone, ':') == NULL ? 96 : 0;
        if (count == 0 || count > 3 || digits[count] != '\0')
            return false;
        range.bits = base + (int)strtol(digits, NULL, 10);
    }
    if (range.bits > 128 || !ends_in_zeros(&range.ip, range.bits))
        return false;
    *out = range;
    return true;
}

bool lk_ip_in(const lk_ip *ip, const lk_ip_range *range) {
    const size_t whole = (size_t)range->bits / 8;
    const int rest = range->bits % 8;
    if (memcmp(ip->bytes, range->ip.bytes, whole) != 0)
        return false;
    return rest == 0 || (ip->bytes[whole] ^ range->ip.bytes[whole]) >> (8 - rest) == 0;
}

bool lk_ip_of(const struct sockaddr *address, lk_ip *ip, int *port) {
    char text[LK_IP_TEXT];
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        *port = ntohs(in.sin_port);
        return inet_ntop(AF_INET, &in.sin_addr, text, sizeof text) != NULL && lk_ip_read(text, ip);
    }
    if (address->sa_family != AF_INET6)
        return false;
    struct sockaddr_in6 in6;
    memcpy(&in6, address, sizeof in6);
    *port = ntohs(in6.sin6_port);
    memcpy(ip->bytes, &in6.sin6_addr, sizeof ip->bytes);
    return true;
}

static bool is_within(const lk_ip *ip, const char *text) {
    lk_ip_range range;
    return lk_ip_range_read(text, &range) && lk_ip_in(ip, &range);
}

/* The IPv4 address that the last 32 bits are. */
static lk_ip inner(const lk_ip *ip) {
    lk_ip v4 = {.bytes = {[10] = 0xff, [11] = 0xff}};
    memcpy(v4.bytes + 12, ip->bytes + 12, 4);
    return v4;
}

/* ISATAP: an interface that is called 5efe and then an IPv4 address. */
static bool is_isatap(const lk_ip *ip) {
    const unsigned char *b = ip->bytes + 8;
    return (b[0] & 0xfd) == 0 && b[1] == 0 && b[2] == 0x5e && b[3] == 0xfe;
}

const char *lk_ip_special(const lk_ip *ip) {
    if (is_within(ip, "64:ff9b::/96")) {
        const lk_ip v4 = inner(ip);
        return lk_ip_special(&v4);
    }
    for (size_t i = 0; i < LK_LENGTH(special); i++)
        if (is_within(ip, special[i].range))
            return special[i].what;
    if (is_v4(ip))
        return NULL;
    if (!is_within(ip, "2000::/3"))
        return "an address that nobody is given";
    return is_isatap(ip) ? "an ISATAP address, which leads to another" : NULL;
}

void lk_ip_format(const lk_ip *ip, char out[LK_IP_TEXT]) {
    const char *done = is_v4(ip) ? inet_ntop(AF_INET, ip->bytes + 12, out, LK_IP_TEXT)
                                 : inet_ntop(AF_INET6, ip->bytes, out, LK_IP_TEXT);
    if (done == NULL)
        (void)snprintf(out, LK_IP_TEXT, "?");
}
