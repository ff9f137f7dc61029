/* closer.h - small faces of the yunet detector: where in a photo it is worth looking closer, and what that adds up to.
 *
 * Scales go by doubling from that of the first look. What is less than LK_CLOSER_SMALL pixels high in the look that saw
 * it is looked at again at the next scale, as long as the photo has pixels to show. The first look's faintest peaks
 * tell of faces that it cannot make out; they are looked at as far as the budget goes, the strongest first. */
#ifndef LK_FACE_CLOSER_H
#define LK_FACE_CLOSER_H

#include "face/look.h"

#define LK_CLOSER_SMALL 40.0f
#define LK_CLOSER_SUSPECT 0.4f /* what is worth another look, whatever it costs */
#define LK_CLOSER_HINT 0.1f    /* what may be worth one */
#define LK_CLOSER_FLOOR 0.3f   /* what another look listens to */

/* Judges `list` again, which a look at the whole at `whole` pixels of the longer side has filled. Photo coordinates, of
 * the look's turn. `least` > 0: looks at every part of the photo at all scales up to that where a face of so many photo
 * pixels is LK_CLOSER_SEEN high, and adds what is not in the list. */
#define LK_CLOSER_SEEN 16.0f
int lk_closer_judge(const lk_look *look, int whole, float least, lk_detections *list, liken_error *err);

/* Follows the hints in `list`, items under LK_CLOSER_SUSPECT: those that a closer look confirms take what it saw, the
 * others go. `budget`: pixels of looks. */
int lk_closer_hints(const lk_look *look, int whole, double budget, lk_detections *list, liken_error *err);

#define LK_CLOSER_AGREE 0.04f /* where two looks judged a face its score is their mean plus this */

/* Judges again those of `list` for which `which` says so, by what `others` saw of them: two moderate opinions are worth
 * more than one, and where the others saw nothing that counts, too. `finer`: place and points are the others' from then
 * on. What the others saw beyond stays in `others`, alone. */
typedef bool lk_closer_which(const lk_detection *d, float at);
int lk_closer_agree(lk_detections *list, lk_detections *others, lk_closer_which *which, float at, bool finer,
                    liken_error *err);

#endif
