#include "cli/interrupt.h"

#include "base/clock.h"
#include "cli/cli.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

static atomic_int signals;
static atomic_int hangups;
static sem_t happened;

static void on_signal(int number) {
    (void)number;
    if (atomic_fetch_add(&signals, 1) > 0)
        _exit(LK_EXIT_INTERRUPTED);
    (void)sem_post(&happened);
}

static void on_hangup(int number) {
    (void)number;
    (void)atomic_fetch_add(&hangups, 1);
    (void)sem_post(&happened);
}

void lk_interrupt_arm_hangup(void) {
    struct sigaction action = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGHUP, &action, NULL);
}

void lk_interrupt_arm(void) {
    (void)sem_init(&happened, 0, 0); /* cannot fail for a value of 0 */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

bool lk_interrupted(void) {
    return atomic_load(&signals) > 0;
}

bool lk_interrupt_or_hangup(void) {
    while (!lk_interrupted()) {
        if (atomic_exchange(&hangups, 0) > 0)
            return true;
        (void)sem_wait(&happened);
    }
    return false;
}

bool lk_interrupt_wait_for(double seconds) {
    const struct timespec until = lk_clock_after(seconds);
    while (!lk_interrupted() && sem_clockwait(&happened, CLOCK_MONOTONIC, &until) != 0 && errno == EINTR)
        ;
    return lk_interrupted();
}
