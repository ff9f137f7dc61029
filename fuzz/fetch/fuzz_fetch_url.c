/* A list of hosts that may be asked, one a line, and behind an empty line an address. Whatever is understood is what
 * libcurl will be given: read once more it means the same, and a host that is a number in any disguise is known for
 * one. A rule never allows the host of another. */
#include "fetch/fetch_int.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RULES 8

static bool same_host(const lk_host *a, const lk_host *b) {
    return strcmp(a->name, b->name) == 0 && a->literal == b->literal && memcmp(&a->ip, &b->ip, sizeof a->ip) == 0;
}

/* What inet_aton would take for an address, libcurl's own reader has turned into its usual form. */
static void look(const lk_fetch_target *t) {
    const char *last = strrchr(t->host.name, '.');
    last = last == NULL ? t->host.name : last + 1;
    if (!t->host.literal && (*last == '\0' || strspn(last, "0123456789") == strlen(last)))
        abort();
    if (t->host.name[strcspn(t->host.name, "/?#@\\% \r\n\t*")] != '\0' || t->port < 1 || t->port > 65535)
        abort();
    if (strchr(t->text, '#') != NULL || (strncmp(t->text, "http://", 7) != 0 && strncmp(t->text, "https://", 8) != 0))
        abort();
}

static void read_again(const lk_fetch_target *t) {
    lk_fetch_target again;
    lk_fetch_reason reason;
    if (lk_fetch_target_read(t->text, &again, &reason, NULL) != LIKEN_OK || !same_host(&again.host, &t->host) ||
        again.port != t->port || again.https != t->https)
        abort();
    lk_fetch_target_free(&again);
}

static void judge(const lk_fetch_rule *rules, size_t count, const lk_fetch_target *t) {
    if (!lk_fetch_rules_host(rules, count, t))
        return;
    for (size_t i = 0; i < count; i++) {
        const lk_host *host = &rules[i].host;
        const size_t own = strlen(host->name), asked = strlen(t->host.name);
        if (rules[i].ranged ? t->host.literal && lk_ip_in(&t->host.ip, &rules[i].range)
                            : asked >= own && strcmp(t->host.name + asked - own, host->name) == 0)
            return;
    }
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lk_fetch_rule rules[RULES];
    size_t count = 0;
    char *text = calloc(1, size + 1);
    if (text == NULL)
        abort();
    memcpy(text, data, size);
    char *line = text;
    for (char *end = strchr(line, '\n'); end != NULL && end != line; end = strchr(line, '\n')) {
        *end = '\0';
        if (count < RULES && lk_fetch_rule_read(line, &rules[count], NULL) == LIKEN_OK)
            count++;
        line = end + 1;
    }
    lk_fetch_target t;
    lk_fetch_reason reason;
    if (lk_fetch_target_read(line + (*line == '\n'), &t, &reason, NULL) == LIKEN_OK) {
        look(&t);
        read_again(&t);
        judge(rules, count, &t);
    }
    lk_fetch_target_free(&t);
    free(text);
    return 0;
}
