/* The configuration file. */
#include "config/config.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lk_config *c = NULL;
    liken_error err = {0};
    if (lk_config_new(&c, &err) != LIKEN_OK)
        return 0;
    if (lk_config_read(c, "fuzz.conf", (const char *)data, size, &err) == LIKEN_OK)
        for (int i = 0; i < LK_SET_COUNT; i++)
            (void)lk_config_text(c, (lk_setting_id)i);
    lk_config_free(c);
    return 0;
}
