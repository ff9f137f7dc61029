#include "report.h"

#include "base/cpu.h"
#include "liken.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

static json_t *rows;
static const char *path;

void report_open(const char *json_path) {
    path = json_path;
    rows = json_array();
    printf("%-24s %-34s %-36s %14s %s\n", "case", "engine", "metric", "value", "unit");
}

void report(const char *what, const char *engine, const char *metric, double value, const char *unit, int rounds) {
    printf("%-24s %-34s %-36s %14.4f %s\n", what, engine, metric, value, unit);
    (void)fflush(stdout);
    json_array_append_new(rows, json_pack("{s:s,s:s,s:s,s:f,s:s,s:i}", "case", what, "engine", engine, "metric", metric,
                                          "value", value, "unit", unit, "rounds", rounds));
}

static void processor(char *name, size_t room) {
    char line[512];
    FILE *f = fopen("/proc/cpuinfo", "r");
    (void)snprintf(name, room, "unknown");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':') != NULL) {
            line[strcspn(line, "\n")] = '\0';
            (void)snprintf(name, room, "%s", strchr(line, ':') + 2);
            break;
        }
    if (f != NULL)
        (void)fclose(f);
}

void report_close(void) {
    char name[256], when[32];
    struct utsname u;
    const time_t now = time(NULL);
    processor(name, sizeof name);
    (void)uname(&u);
    (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
    json_array_append_new(rows, json_pack("{s:{s:s,s:s,s:i,s:s,s:s,s:s,s:s}}", "machine", "processor", name, "level",
                                          lk_cpu_name(lk_cpu_level()), "cpus", lk_cpu_count(), "system", u.release,
                                          "compiler", __VERSION__, "date", when, "liken", liken_version()));
    if (json_dump_file(rows, path, JSON_INDENT(1)) != 0)
        fprintf(stderr, "%s cannot be written\n", path);
    json_decref(rows);
}
