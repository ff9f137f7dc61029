/* api.h - the HTTP server of liken: the resources of docs/openapi.yaml over liken.h. */
#ifndef LK_API_API_H
#define LK_API_API_H

#include "auth/auth.h"

typedef struct lk_api lk_api;

typedef struct lk_api_options {
    const char *address;   /* default "127.0.0.1" */
    int port;              /* 0: any free one */
    const char *keys;      /* the file of keys (src/auth/auth.h) where an older liken had them; NULL: nowhere */
    const char *key_file;  /* the file that keys are in instead of the store; NULL: they are in the store */
    const char *legacy;    /* the collection that the two calls of the old system work on; default "default" */
    int threads;           /* of connections; default 4 */
    int workers;           /* photos at once; default: number of CPUs */
    int store_threads;     /* requests that read the store at once, and half as many that write; default 8 */
    size_t queue;          /* requests that wait in each lane, those that write apart; default 64 */
    int queue_seconds;     /* one that waited longer is answered 503; default 60 */
    size_t max_file_bytes; /* of one photo; default 64 MiB, as in liken_options */
    int idle_timeout;      /* seconds; default 30 */
    int max_connections;   /* default 1024 */
    const char *tls_cert, *tls_key; /* files in PEM: HTTPS; NULL: plain HTTP */
    const char *trusted_proxies;    /* addresses and networks; NULL: none */
    bool forwarded;                 /* they write the header Forwarded; else X-Forwarded-For */
    const char *public_url;         /* "https://faces.example/liken"; NULL: not known */
    const char *allowed_origins;    /* whose pages may read answers; NULL: none but its own */
    lk_rate address_rate;           /* requests of one address; {0}: any number */
    int max_per_peer;               /* of them from one address, loopback excepted; default: half of all */
} lk_api_options;

/* Starts serving `lk`, which must outlive it. Without a key it serves loopback addresses only, open to every program on
 * this machine but not to other sites' pages in a browser; for any other address LIKEN_E_ARG says how to make a key. */
int lk_api_start(lk_api **out, const lk_api_options *options, liken *lk, liken_error *err);
/* Takes certificate, proxies, origins and the rate of addresses from other options while it runs; the rest of them is
 * not looked at. On failure what there was goes on. */
int lk_api_reload(lk_api *api, const lk_api_options *options, liken_error *err);
int lk_api_port(const lk_api *api);
/* True when no key is needed: on loopback, as long as there has been none since it started. */
bool lk_api_open(lk_api *api);
/* Stops listening, finishes what was accepted, frees. NULL is accepted. */
void lk_api_stop(lk_api *api);

#endif
