/* drawn.h - images for the tests of src/face that need no photo: noise, and a drawn face that dlib's detector takes for
 * one; and the sample photos of an installed faceapi pack. */
#ifndef LK_TESTS_FACE_DRAWN_H
#define LK_TESTS_FACE_DRAWN_H

#include "image/image.h"

/* Gray with noise of that amplitude, the same every time; rows are padded, so stride > 3*width. Free with drawn_free.
 */
lk_image drawn_image(int width, int height, int noise);
/* A face about 160*scale wide around (x, y). */
void drawn_face(lk_image *image, double x, double y, double scale);
/* malloc'd pixels without padding. */
uint8_t *drawn_packed(const lk_image *image);
/* <models>/faceapi/samples/sample<i>.jpg, decoded at about half size; the test fails when it is not there. */
lk_image drawn_sample(const char *models, int i);
void drawn_free(lk_image *image);

#endif
