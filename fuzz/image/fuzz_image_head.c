/* One reader of heads alone: the build names it (HEAD) and its kind (KIND). It is given what sniffing would give it.
 * Whatever the bytes are, it ends at once, says why it refuses, and points to nothing outside them. */
#include "image/head.h"

#include "effort.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_kind(const uint8_t *data, size_t size) {
    const char *words;
    const lk_kind kind = lk_sniff(data, size, &words);
    return kind == KIND || (KIND == LK_KIND_HEIC && kind == LK_KIND_AVIF);
}

/* Every byte is looked at, for the sanitizers. */
static void look_at(const uint8_t *bytes, size_t size) {
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += bytes[i];
    __asm__ volatile("" : : "r"(sum));
}

static bool sane(const lk_head *head, size_t size) {
    return head->from <= size && head->size <= size - head->from && (head->copy != NULL || head->copy_size == 0) &&
           (head->width >= 0 && head->height >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lk_head head = {0};
    liken_error err = {0};
    if (!is_kind(data, size))
        return 0;
    const double begin = effort_begin();
    const int rc = HEAD(data, size, &head, &err);
    effort_end(begin);
    if (rc == LIKEN_OK ? !sane(&head, size) : rc != err.code || err.message[0] == '\0')
        abort();
    look_at(head.copy, head.copy_size);
    free(head.copy);
    return 0;
}
