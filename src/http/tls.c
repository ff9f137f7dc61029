/* tls.c - certificates (GnuTLS is named only here; libmicrohttpd does the rest of TLS with it).
 *
 * Each handshake asks for the certificate that is the newest then, so that another can be put in its place while the
 * server runs. Those before it are kept until the server stops: handshakes that began with one may still use it, and
 * they are few and small. A session finds its server by its pointer, which is set when its connection begins. */
#include "base/clock.h"
#include "base/log.h"
#include "http/http_int.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <sys/stat.h>

#define PEM_BYTES ((size_t)1 << 20)
#define CHAIN 16

struct certificate {
    struct certificate *before;
    gnutls_pcert_st chain[CHAIN];
    unsigned count;
    gnutls_privkey_t key;
};

struct lk_tls {
    pthread_mutex_t lock;
    struct certificate *newest;
};

static void free_certificate(struct certificate *c) {
    for (unsigned i = 0; i < c->count; i++)
        gnutls_pcert_deinit(&c->chain[i]);
    gnutls_privkey_deinit(c->key);
    free(c);
}

/* ---- reading ---- */

/* Whoever has the key can be this server. A group may read it, as Debian's ssl-cert does. */
static int check_mode(const char *path, liken_error *err) {
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & 027) != 0)
        return lk_fail(
            err, LIKEN_E_ARG,
            "The key of the certificate, %s, may be read by every user of this machine, or changed by others "
            "than its owner (mode %03o). Say chmod 600 %s, and take another certificate if somebody may have "
            "read it.",
            path, st.st_mode & 0777, path);
    return LIKEN_OK;
}

static int read_pem(const char *path, gnutls_datum_t *out, liken_error *err) {
    char *text = NULL;
    size_t size = 0;
    const int rc = lk_file_read(path, PEM_BYTES, &text, &size, err);
    if (rc == LIKEN_OK)
        *out = (gnutls_datum_t){(unsigned char *)text, (unsigned)size};
    return rc;
}

/* Do the two belong together? GnuTLS says so only where it is given both. */
static int check_pair(const gnutls_datum_t *cert, const gnutls_datum_t *key) {
    gnutls_certificate_credentials_t c = NULL;
    int failed = gnutls_certificate_allocate_credentials(&c);
    if (failed < 0)
        return failed;
    failed = gnutls_certificate_set_x509_key_mem(c, cert, key, GNUTLS_X509_FMT_PEM);
    gnutls_certificate_free_credentials(c);
    return failed;
}

static int import(struct certificate *c, const char *cert_path, const char *key_path, const gnutls_datum_t *cert,
                  const gnutls_datum_t *key, liken_error *err) {
    unsigned count = CHAIN;
    int failed = gnutls_pcert_list_import_x509_raw(c->chain, &count, cert, GNUTLS_X509_FMT_PEM, 0);
    if (failed < 0)
        return lk_fail(err, LIKEN_E_ARG, "%s holds no chain of certificates in PEM that could be read: %s", cert_path,
                       gnutls_strerror(failed));
    c->count = count;
    failed = gnutls_privkey_init(&c->key);
    if (failed >= 0)
        failed = gnutls_privkey_import_x509_raw(c->key, key, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (failed < 0)
        return lk_fail(err, LIKEN_E_ARG, "%s holds no key in PEM, without a password, that could be read: %s", key_path,
                       gnutls_strerror(failed));
    failed = check_pair(cert, key);
    if (failed < 0)
        return lk_fail(err, LIKEN_E_ARG, "The certificate %s and the key %s do not belong together: %s", cert_path,
                       key_path, gnutls_strerror(failed));
    return LIKEN_OK;
}

/* Says until when it is good; one that is not is used all the same, since the clock may be wrong, or clients trust it.
 */
static void tell(const char *path, const gnutls_datum_t *cert) {
    gnutls_x509_crt_t crt = NULL;
    char until[32];
    if (gnutls_x509_crt_init(&crt) < 0)
        return;
    if (gnutls_x509_crt_import(crt, cert, GNUTLS_X509_FMT_PEM) >= 0) {
        const int64_t end = (int64_t)gnutls_x509_crt_get_expiration_time(crt);
        lk_clock_format(end, until, sizeof until);
        const bool over = end < lk_clock_now();
        lk_log(over ? LIKEN_LOG_WARN : LIKEN_LOG_INFO, "The certificate %s %s %s.", path,
               over ? "was good until" : "is good until", until);
    }
    gnutls_x509_crt_deinit(crt);
}

static int load(const char *cert_path, const char *key_path, struct certificate **out, liken_error *err) {
    gnutls_datum_t cert = {0}, key = {0};
    struct certificate *c = calloc(1, sizeof *c);
    if (c == NULL)
        return lk_fail_memory(err);
    int rc = check_mode(key_path, err);
    if (rc == LIKEN_OK)
        rc = read_pem(cert_path, &cert, err);
    if (rc == LIKEN_OK)
        rc = read_pem(key_path, &key, err);
    if (rc == LIKEN_OK)
        rc = import(c, cert_path, key_path, &cert, &key, err);
    if (rc == LIKEN_OK)
        tell(cert_path, &cert);
    if (key.data != NULL)
        gnutls_memset(key.data, 0, key.size);
    free(cert.data);
    free(key.data);
    if (rc == LIKEN_OK)
        *out = c;
    else
        free_certificate(c);
    return rc;
}

/* ---- serving ---- */

int lk_tls_load(lk_tls *t, const char *cert, const char *key, liken_error *err) {
    struct certificate *c = NULL;
    const int rc = load(cert, key, &c, err);
    if (rc != LIKEN_OK)
        return rc;
    pthread_mutex_lock(&t->lock);
    c->before = t->newest;
    t->newest = c;
    pthread_mutex_unlock(&t->lock);
    return LIKEN_OK;
}

int lk_tls_make(lk_tls **out, const char *cert, const char *key, liken_error *err) {
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES ||
        MHD_is_feature_supported(MHD_FEATURE_HTTPS_CERT_CALLBACK) != MHD_YES)
        return lk_fail(err, LIKEN_E_UNSUPPORTED,
                       "This libmicrohttpd was built without TLS; let a proxy do that, or install another.");
    lk_tls *t = calloc(1, sizeof *t);
    if (t == NULL)
        return lk_fail_memory(err);
    pthread_mutex_init(&t->lock, NULL);
    const int rc = lk_tls_load(t, cert, key, err);
    if (rc == LIKEN_OK)
        *out = t;
    else
        lk_tls_free(t);
    return rc;
}

void lk_tls_free(lk_tls *t) {
    if (t == NULL)
        return;
    while (t->newest != NULL) {
        struct certificate *c = t->newest;
        t->newest = c->before;
        free_certificate(c);
    }
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static gnutls_session_t session_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info == NULL ? NULL : info->tls_session;
}

void lk_tls_begin(lk_tls *t, struct MHD_Connection *connection) {
    gnutls_session_t session = session_of(connection);
    if (session != NULL)
        gnutls_session_set_ptr(session, t);
}

/* GnuTLS asks in a handshake. */
static int choose(gnutls_session_t session, const gnutls_datum_t *issuers, int issuer_count,
                  const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **chain,
                  unsigned *count, gnutls_privkey_t *key) {
    (void)issuers;
    (void)issuer_count;
    (void)algorithms;
    (void)algorithm_count;
    lk_tls *t = gnutls_session_get_ptr(session);
    if (t == NULL)
        return -1;
    pthread_mutex_lock(&t->lock);
    struct certificate *c = t->newest;
    pthread_mutex_unlock(&t->lock);
    *chain = c->chain;
    *count = c->count;
    *key = c->key;
    return 0;
}

void lk_tls_options(struct MHD_OptionItem out[2]) {
    out[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)choose};
    out[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
                                     (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"};
}

bool lk_tls_send(struct MHD_Connection *connection, const void *bytes, size_t size) {
    gnutls_session_t session = session_of(connection);
    return session != NULL && gnutls_record_send(session, bytes, size) == (ssize_t)size;
}
