#include "base/cpu.h"
#include "cli/cli.h"

#include <stdio.h>

/* LIKEN_BUILT_WITH comes from the build: "vips 8.14.1, sqlite 3.40.1, ...". */
int lk_cmd_version(const lk_cli *cli) {
    liken_error err = {0};
    const char *cpu = lk_cpu_name(lk_cpu_level());
    if (cli->json) {
        const int rc = lk_cli_print(json_pack("{s:s, s:s, s:i, s:s}", "version", liken_version(), "cpu", cpu, "cpus",
                                              lk_cpu_count(), "built_with", LIKEN_BUILT_WITH),
                                    &err);
        return rc == LIKEN_OK ? LK_EXIT_DONE : lk_cli_failed(cli, &err);
    }
    (void)printf("liken %s\ncpu: %s, %d\nbuilt with: %s\n", liken_version(), cpu, lk_cpu_count(), LIKEN_BUILT_WITH);
    return LK_EXIT_DONE;
}
