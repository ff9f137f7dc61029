/* Lines for a reader that is slow. */
#include "unit/test.h"

#include "cli/writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANY 20000 /* more than a pipe and the queue hold */

static void put(lk_writer *w, int number) {
    char text[128];
    (void)snprintf(text, sizeof text, "%d %0100d\n", number, 0);
    lk_writer_put(w, strdup(text));
}

/* What is in the pipe until nothing more comes; the caller frees it. */
static char *read_all(int fd) {
    size_t used = 0;
    const size_t room = 4 << 20;
    char *text = calloc(1, room);
    assert_non_null(text);
    for (ssize_t n; (n = read(fd, text + used, room - 1 - used)) > 0;)
        used += (size_t)n;
    return text;
}

static void lines_are_written_in_order(void **state) {
    (void)state;
    int ends[2];
    liken_error err = {0};
    lk_writer *w = NULL;
    assert_int_equal(pipe(ends), 0);
    assert_ok(lk_writer_start(&w, ends[1], &err), err);
    for (int i = 0; i < 100; i++)
        put(w, i);
    lk_writer_stop(w);
    close(ends[1]);
    char *text = read_all(ends[0]);
    int number = 0;
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_int_equal(atoi(line), number++);
    assert_int_equal(number, 100);
    free(text);
    close(ends[0]);
}

/* Nobody reads: nobody waits, neither who speaks nor the end; and then it is told how much was lost. */
static void nobody_waits_for_the_reader(void **state) {
    (void)state;
    int ends[2];
    liken_error err = {0};
    lk_writer *w = NULL;
    assert_int_equal(pipe(ends), 0);
    assert_ok(lk_writer_start(&w, ends[1], &err), err);
    for (int i = 0; i < MANY; i++)
        put(w, i);
    char byte;
    while (read(ends[0], &byte, 1) == 1 && byte != '\n') /* the first line; then the rest follows until it says so */
        continue;
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    for (bool told = false; !told;) {
        put(w, MANY);
        char *text = read_all(ends[0]);
        told = strstr(text, "lines were lost here") != NULL;
        free(text);
        usleep(1000);
    }
    for (int i = 0; i < MANY; i++)
        put(w, i);
    lk_writer_stop(w);
    lk_writer_stop(NULL);
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_are_written_in_order),
                                       cmocka_unit_test(nobody_waits_for_the_reader)};
    return cmocka_run_group_tests_name("cli/writer", tests, NULL, NULL);
}
