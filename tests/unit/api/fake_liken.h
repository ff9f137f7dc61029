/* fake_liken.h - liken.h without pixels, networks or disk, so that the server can be tested in milliseconds.
 *
 * A photo is the text "FACES name name ...": one face per name, at the same distance 0 from every face of that name and
 * 1 from all others; the name "tiny" is a face that is refused. "DAMAGED" is an image that cannot be decoded; anything
 * else is no image. Everything lives in memory. fake_hold makes detection wait until fake_release. */
#ifndef LK_TESTS_FAKE_LIKEN_H
#define LK_TESTS_FAKE_LIKEN_H

#include "liken.h"

void fake_hold(void);
void fake_release(void);
int fake_waiting(void);       /* detections that are being held */
void fake_break(bool broken); /* the store fails from now on */

#endif
