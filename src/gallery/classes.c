/* Good faces and weak ones. Poor pictures look like each other, whoever is in them: at the distance where one pair of
 * strangers in ten thousand is taken for one person, of two blurred faces one pair in five may be. So a face that was
 * seen badly is weak, from the moment it is added, and a pair of faces is judged by the curve of its kind: of two good
 * ones, of a good and a weak one, of two weak ones. Whatever threshold is asked for is that of two good ones; the
 * others have the distance at which strangers are as rare. A search therefore has one radius for good faces and another
 * for weak ones, and all strangers, of whichever kind, are expected at the same rate.
 *
 * How poor the query itself is counts besides: a weak one looks less far among weak faces the lower its score is, and a
 * good one that is small or dark keeps the threshold and is told of more strangers. */
#include "gallery/gallery_int.h"

#include <math.h>

void lk_gallery_classify(const lk_engine *e, lk_faces *faces) {
    const float good = lk_models_good(e->models);
    for (size_t i = 0; i < faces->kept_count; i++)
        faces->kept[i].weak = faces->kept[i].quality.score < good;
}

lk_reach lk_gallery_reach(const lk_engine *e, const liken_collection *c, bool weak, float score, float threshold) {
    const lk_calibration *usual = lk_models_between(e->models, c->metric, false, false);
    lk_reach r;
    for (int class = 0; class < 2; class += 1) {
        const lk_calibration own = lk_models_curve(e->models, c->metric, weak, score, class == 1);
        const lk_calibration *by = weak || class == 1 ? &own : usual; /* two good faces have the threshold itself */
        r.calibration[class] = own;
        r.calibration[class].threshold = lk_calibration_as_rare(by, usual, c->threshold);
        r.radius[class] = lk_calibration_as_rare(by, usual, threshold);
    }
    return r;
}
