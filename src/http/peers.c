/* peers.c - who is connected: for each address its connections and the bytes of bodies it has in memory.
 *
 * One client must not take what is there for all. An address of IPv6 stands for its /64, which is what one subscriber
 * is given; one of IPv4 that comes mapped into IPv6 is the same as plain. Loopback is this machine: behind it stands as
 * a rule a proxy with everybody else's connections, so it is counted and `local` says that it is not to be held to the
 * limit. An entry lives while it has connections. */
#include "http/http_int.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BUCKETS 1024

struct lk_peers {
    pthread_mutex_t lock;
    lk_peer *buckets[BUCKETS];
};

static bool is_local(const uint8_t address[16]) {
    static const uint8_t one[16] = {[15] = 1}, mapped[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};
    return memcmp(address, one, sizeof one) == 0 || memcmp(address, mapped, sizeof mapped) == 0;
}

static size_t bucket_of(const uint8_t address[16]) {
    uint32_t h = 2166136261u;
    for (int i = 0; i < 16; i++)
        h = (h ^ address[i]) * 16777619u;
    return h % BUCKETS;
}

static lk_peer **find(lk_peers *p, const uint8_t address[16]) {
    lk_peer **at = &p->buckets[bucket_of(address)];
    while (*at != NULL && memcmp((*at)->address, address, 16) != 0)
        at = &(*at)->next;
    return at;
}

int lk_peers_make(lk_peers **out, liken_error *err) {
    lk_peers *p = calloc(1, sizeof *p);
    if (p == NULL)
        return lk_fail_memory(err);
    pthread_mutex_init(&p->lock, NULL);
    *out = p;
    return LIKEN_OK;
}

void lk_peers_free(lk_peers *p) {
    if (p == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (p->buckets[i] != NULL) {
            lk_peer *peer = p->buckets[i];
            p->buckets[i] = peer->next;
            free(peer);
        }
    pthread_mutex_destroy(&p->lock);
    free(p);
}

lk_peer *lk_peers_enter(lk_peers *p, const struct sockaddr *address, bool trusted) {
    uint8_t key[16];
    lk_address_of(address, key);
    lk_address_mask(key);
    pthread_mutex_lock(&p->lock);
    lk_peer **at = find(p, key), *peer = *at;
    if (peer == NULL && (peer = calloc(1, sizeof *peer)) != NULL) {
        memcpy(peer->address, key, sizeof key);
        peer->local = trusted || is_local(key);
        *at = peer;
    }
    if (peer != NULL)
        atomic_fetch_add(&peer->connections, 1);
    pthread_mutex_unlock(&p->lock);
    return peer;
}

lk_peer *lk_peers_find(lk_peers *p, const struct sockaddr *address) {
    uint8_t key[16];
    lk_address_of(address, key);
    lk_address_mask(key);
    pthread_mutex_lock(&p->lock);
    lk_peer *peer = *find(p, key);
    pthread_mutex_unlock(&p->lock);
    return peer;
}

void lk_peers_leave(lk_peers *p, lk_peer *peer) {
    if (peer == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    if (atomic_fetch_sub(&peer->connections, 1) == 1) {
        *find(p, peer->address) = peer->next;
        free(peer);
    }
    pthread_mutex_unlock(&p->lock);
}
