/* interrupt.h - Ctrl-C and SIGTERM, politely: the first asks the work in progress to be the last, the second quits. And
 * SIGHUP, which asks a server to read its settings again. */
#ifndef LK_CLI_INTERRUPT_H
#define LK_CLI_INTERRUPT_H

#include <stdbool.h>

/* From now on SIGINT and SIGTERM are counted. */
void lk_interrupt_arm(void);
bool lk_interrupted(void);
/* Sleeps until it happens, for so many seconds at most; has it happened? */
bool lk_interrupt_wait_for(double seconds);
/* From now on SIGHUP is counted; after lk_interrupt_arm. */
void lk_interrupt_arm_hangup(void);
/* Sleeps until a signal comes: true for SIGHUP, false when it is time to end. */
bool lk_interrupt_or_hangup(void);

#endif
