/* interrupt.h - Ctrl-C and SIGTERM, politely: the first asks the work in progress to be the last, the second quits. */
#ifndef LK_CLI_INTERRUPT_H
#define LK_CLI_INTERRUPT_H

#include <stdbool.h>

/* From now on SIGINT and SIGTERM are counted. */
void lk_interrupt_arm(void);
bool lk_interrupted(void);
/* Sleeps until it happens. */
void lk_interrupt_wait(void);
/* The same for so many seconds at most; has it happened? */
bool lk_interrupt_wait_for(double seconds);

#endif
