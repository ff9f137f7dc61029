#include "cli/when.h"

#include "base/clock.h"

static int read_time(const lk_cli *cli, lk_setting_id id, bool (*parse)(const char *, int64_t *), int64_t *when,
                     liken_error *err) {
    const char *text = lk_config_text(cli->config, id);
    int64_t value = LIKEN_NO_TIME;
    if (text != NULL && !parse(text, &value))
        return lk_fail(err, LIKEN_E_ARG,
                       "--%s is \"%.64s\"; say a time like 2026-11-24T21:56:00+01:00 or 2026-11-24T20:56:00Z, or a "
                       "date like 2026-11-24, which is one of UTC.",
                       lk_settings[id].name, text);
    *when = value;
    return LIKEN_OK;
}

int lk_cli_captured_at(const lk_cli *cli, int64_t *when, liken_error *err) {
    const int rc = read_time(cli, LK_SET_CAPTURED_AT, lk_clock_parse, when, err);
    if (rc == LIKEN_OK && *when == 0) /* liken.h: not given */
        return lk_fail(err, LIKEN_E_ARG, "--captured-at: the first second of 1970 stands for no time; say another.");
    return rc;
}

int lk_cli_captured_between(const lk_cli *cli, int64_t *from, int64_t *to, liken_error *err) {
    int64_t first = LIKEN_NO_TIME, last = LIKEN_NO_TIME;
    int rc = read_time(cli, LK_SET_CAPTURED_FROM, lk_clock_parse, &first, err);
    if (rc == LIKEN_OK)
        rc = read_time(cli, LK_SET_CAPTURED_TO, lk_clock_parse_end, &last, err);
    if (rc != LIKEN_OK)
        return rc;
    if (first != LIKEN_NO_TIME && last != LIKEN_NO_TIME && first > last)
        return lk_fail(err, LIKEN_E_ARG, "--captured-to lies before --captured-from.");
    *from = first == 0 ? 1 : first; /* 0 is open, and no photo has that time */
    *to = last == 0 ? -1 : last;
    return LIKEN_OK;
}
