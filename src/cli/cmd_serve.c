/* cmd_serve.c - liken serve: the server, until a signal ends it; SIGHUP has it read its settings again. */
#include "api/api.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/interrupt.h"
#include "cli/message.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* "http://127.0.0.1:9000" or "http://[::1]:9000", when it answers. */
static int print_address(const lk_cli *cli, lk_api *api, liken_error *err) {
    const char *address = lk_config_text(cli->config, LK_SET_ADDRESS);
    const bool six = strchr(address, ':') != NULL;
    char url[512];
    const bool tls = lk_config_text(cli->config, LK_SET_TLS_CERT) != NULL;
    (void)snprintf(url, sizeof url, "%s://%s%s%s:%d", tls ? "https" : "http", six ? "[" : "", address, six ? "]" : "",
                   lk_api_port(api));
    int rc = LIKEN_OK;
    if (cli->json)
        rc = lk_cli_print(json_pack("{s:s, s:i, s:b}", "url", url, "port", lk_api_port(api), "open", lk_api_open(api)),
                          err);
    else
        (void)printf("Serving on %s%s\n", url, lk_api_open(api) ? " (open to this machine: there is no key)" : "");
    (void)fflush(stdout);
    return rc;
}

static int read_address_rate(const lk_config *c, lk_rate *rate, liken_error *err) {
    const char *text = lk_config_text(c, LK_SET_ADDRESS_RATE);
    const int rc = text == NULL ? LIKEN_OK : lk_rate_parse(text, rate, err);
    if (rc != LIKEN_OK)
        lk_error_prefix(err, "%s", lk_config_origin(c, LK_SET_ADDRESS_RATE));
    return rc;
}

static int read_options(const lk_cli *cli, const lk_config *c, lk_api_options *out, liken_error *err) {
    *out = (lk_api_options){.address = lk_config_text(c, LK_SET_ADDRESS),
                            .port = (int)lk_config_number(c, LK_SET_PORT),
                            .keys = cli->keys,
                            .key_file = lk_config_text(c, LK_SET_KEY_FILE),
                            .legacy = lk_config_text(c, LK_SET_LEGACY_COLLECTION),
                            .workers = (int)lk_config_number(c, LK_SET_THREADS),
                            .store_threads = (int)lk_config_number(c, LK_SET_STORE_THREADS),
                            .queue = lk_config_size(c, LK_SET_QUEUE),
                            .queue_seconds = (int)lk_config_number(c, LK_SET_QUEUE_TIMEOUT),
                            .max_file_bytes = lk_config_size(c, LK_SET_MAX_FILE),
                            .idle_timeout = (int)lk_config_number(c, LK_SET_IDLE_TIMEOUT),
                            .max_connections = (int)lk_config_number(c, LK_SET_MAX_CONNECTIONS),
                            .tls_cert = lk_config_text(c, LK_SET_TLS_CERT),
                            .tls_key = lk_config_text(c, LK_SET_TLS_KEY),
                            .trusted_proxies = lk_config_text(c, LK_SET_TRUSTED_PROXIES),
                            .forwarded = lk_config_choice(c, LK_SET_FORWARDED_HEADER) == 1,
                            .public_url = lk_config_text(c, LK_SET_PUBLIC_URL),
                            .allowed_origins = lk_config_text(c, LK_SET_ALLOWED_ORIGINS),
                            .max_per_peer = (int)lk_config_number(c, LK_SET_MAX_PER_ADDRESS)};
    if ((out->tls_cert == NULL) != (out->tls_key == NULL))
        return lk_fail(err, LIKEN_E_ARG, "HTTPS needs both --tls-cert and --tls-key; only %s was given.",
                       lk_config_origin(c, out->tls_cert != NULL ? LK_SET_TLS_CERT : LK_SET_TLS_KEY));
    return read_address_rate(c, &out->address_rate, err);
}

/* ---- SIGHUP ---- */

#define RELOADED                                                                                                       \
    (LK_BIT(LOG_LEVEL) | LK_BIT(ADDRESS_RATE) | LK_BIT(TLS_CERT) | LK_BIT(TLS_KEY) | LK_BIT(TRUSTED_PROXIES) |         \
     LK_BIT(FORWARDED_HEADER) | LK_BIT(ALLOWED_ORIGINS))

static bool same_text(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* What else is another by now counts when the server is started again: that is said, lest somebody think it counted. */
static void tell_rest(const lk_cli *cli, const lk_config *now) {
    for (int id = 0; id < LK_SET_COUNT; id++) {
        const lk_setting_id setting = (lk_setting_id)id;
        const bool stays = (cli->command->settings & LK_BIT_OF(id) & ~RELOADED) != 0;
        if (stays && !same_text(lk_config_text(cli->config, setting), lk_config_text(now, setting)))
            lk_log(LIKEN_LOG_WARN, "%s is changed; that counts when the server is started again.",
                   lk_settings[id].name);
    }
}

/* All that can be taken over is, or nothing is. */
static void reload(const lk_cli *cli, lk_api *api) {
    lk_config *now = NULL;
    lk_api_options options;
    liken_error err = {0};
    int rc = lk_cli_reread(cli, &now, &err);
    if (rc == LIKEN_OK)
        rc = read_options(cli, now, &options, &err);
    if (rc == LIKEN_OK)
        rc = lk_api_reload(api, &options, &err);
    if (rc == LIKEN_OK) {
        lk_message_level(lk_cli_log_level(now, cli->command));
        tell_rest(cli, now);
        lk_log(LIKEN_LOG_INFO, "The settings were read again.");
    } else {
        lk_log(LIKEN_LOG_ERROR, "The settings could not be read again, and stay what they were. %s", err.message);
    }
    lk_config_free(now);
}

static int serve(const lk_cli *cli, liken *lk, liken_error *err) {
    lk_api_options options;
    lk_api *api = NULL;
    int rc = read_options(cli, cli->config, &options, err);
    if (rc == LIKEN_OK)
        rc = lk_api_start(&api, &options, lk, err);
    if (rc == LIKEN_OK)
        rc = print_address(cli, api, err);
    if (rc == LIKEN_OK) {
        while (lk_interrupt_or_hangup())
            reload(cli, api);
        lk_message("liken serve: finishing what was accepted.");
    }
    lk_api_stop(api);
    return rc;
}

/* Shells allow 1,024 descriptors as a rule, which is less than that many connections need: each has one, and while its
 * answer to a refusal is under way another. */
static void allow_descriptors(const lk_config *c) {
    const rlim_t wanted = (rlim_t)lk_config_number(c, LK_SET_MAX_CONNECTIONS) + 1024;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
        lk_log(LIKEN_LOG_WARN,
               "This process may open %lu files, too few for --max-connections: the oldest idle connections make room "
               "earlier. Allow it more (ulimit -n %lu).",
               (unsigned long)limit.rlim_cur, (unsigned long)wanted);
}

int lk_cmd_serve(const lk_cli *cli) {
    liken_error err = {0};
    liken *lk = NULL;
    (void)signal(SIGPIPE, SIG_IGN); /* a client that hangs up is no reason to end */
    (void)signal(SIGXFSZ, SIG_IGN); /* nor is a limit on the size of files: the write fails, and that is told */
    lk_interrupt_arm();
    lk_interrupt_arm_hangup(); /* nor is a terminal that closes */
    allow_descriptors(cli->config);
    int rc = lk_cli_open_or_make(cli, &lk, &err);
    if (rc == LIKEN_OK)
        rc = lk_message_in_background(&err);
    if (rc == LIKEN_OK)
        rc = serve(cli, lk, &err);
    liken_free(lk);
    lk_message_in_foreground();
    return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
}
