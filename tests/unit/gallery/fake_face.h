/* fake_face.h - stands in for image/ and face/ in the tests of the gallery and of what is above it, so that these need
 * no weights and no pictures.
 *
 * A "photo" is text: a first line "photo WIDTH HEIGHT", then one line a face: "face PERSON NOISE SIZE" is kept (two
 * faces of a person differ by about NOISE; PERSON 0 and up), "weak PERSON NOISE SIZE" too, and is weak (one of less
 * than 10 pixels is the poorer for it), "small SIZE" is refused as too small; "soft PERSON NOISE SIZE" is refused by
 * the pack "other" alone, "dim PERSON NOISE SIZE" kept by it alone. Shorter, where only who is in it counts: "FACES
 * NAME NAME ..." holds a face per name (8 at most), at the distance 0 from every face of that name ("NAME?": one that
 * is weak); the name "tiny" is one that is refused. "DAMAGED" is a photo that cannot be decoded. Anything else is not
 * an image. Packs: "faceapi" (128 numbers a face), "other" (64), "third" (128) and no more. */
#ifndef LK_TESTS_GALLERY_FAKE_FACE_H
#define LK_TESTS_GALLERY_FAKE_FACE_H

#include <stdbool.h>

/* Which version of the packs is "installed"; "1.0" at first. */
extern const char *fake_version;
/* Whether "faceapi", the best of the two, is "installed"; it is at first. */
extern bool fake_faceapi;

/* The most pipelines that ran at once since the last call, and whether one was ever used by two threads. */
int fake_peak(void);
int fake_clashes(void);

/* How often lk_models_load succeeded. */
int fake_loads(void);

/* While it is held, loading pack "other" waits; and whether somebody does. */
void fake_hold_other(bool hold);
bool fake_other_waits(void);
/* The same of looking for faces in any photo. */
void fake_hold_faces(bool hold);
bool fake_faces_wait(void);

/* The descriptor that a face line gives; `out` has 128 or 64 floats. */
void fake_descriptor(const char *pack, unsigned person, float noise, unsigned salt, float *out);

#endif
