#include "liken.h"

#include <stdio.h>

int main(void) {
    printf("liken %s\n", liken_version());
    return 0;
}
