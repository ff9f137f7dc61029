/* pages.c - the pages of the program for people: one document, which is the answer to every address that a page has,
 * and the script, style and pictures that it names. All lies in the program (pages.h); nothing is read from a disk and
 * nothing is loaded from elsewhere. What a page does it does by way of /v1, with the key of whoever looks at it.
 *
 * The policy lets a browser run nothing but the script that came with the page, so that a label or a tag that holds
 * markup stays text. blob: is for photos that are not sent yet. */
#include "api/api_int.h"
#include "api/pages.h"

#include <stdio.h>
#include <string.h>

#define POLICY                                                                                                         \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "          \
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "                  \
    "frame-ancestors 'none'"

static const lk_page *find(const char *name) {
    for (size_t i = 0; i < lk_page_count; i++)
        if (strcmp(lk_pages[i].name, name) == 0)
            return &lk_pages[i];
    return NULL;
}

static void answer(lk_request *r, const lk_page *page) {
    lk_respond_header(r, "Cross-Origin-Resource-Policy", "same-origin");
    lk_respond_file(r, &page->file);
}

void lk_pages_document(lk_ask *q) {
    lk_request *r = q->request;
    lk_respond_header(r, "Content-Security-Policy", POLICY);
    lk_respond_header(r, "Cross-Origin-Opener-Policy", "same-origin");
    lk_respond_header(r, "Permissions-Policy", "camera=(self), microphone=(), geolocation=()");
    lk_respond_header(r, "Referrer-Policy", "no-referrer");
    answer(r, find("index.html"));
}

void lk_pages_asset(lk_ask *q) {
    char name[256];
    (void)snprintf(name, sizeof name, "assets/%s", lk_request_param(q->request, "name"));
    const lk_page *page = find(name);
    if (page == NULL)
        lk_answer_problem(q->request, 404, "not_found", "The pages have no such file; reload the page.", NULL, -1);
    else
        answer(q->request, page);
}
