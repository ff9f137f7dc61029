/* served.h - a server over a gallery in a folder of its own, started once, for targets that want its answers. The
 * photos and the networks are the stand-in of tests/unit/gallery/fake_face.h; the gallery is emptied now and then. */
#ifndef LK_FUZZ_SERVED_H
#define LK_FUZZ_SERVED_H

#include <stddef.h>

/* Sends a connection's whole bytes, and that no more will come; returns the status of the first answer, 0 when the
 * server closed without one. A server that does neither within 30 seconds is a find: the program is aborted. */
int served_ask(const void *bytes, size_t size);

/* A POST to `path` with this Content-Type and body, which must be answered. */
int served_post(const char *path, const char *type, const void *body, size_t size);

#endif
