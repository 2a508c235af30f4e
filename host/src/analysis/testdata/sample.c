/* Licence. */
#include <stdio.h>
#include "shop/cart.h"

/** An item. */
struct item { int price; int (*cost)(int x); };
typedef struct { int n; } Cart, *CartPtr;
union value { int i; float f; };
enum color { RED, GREEN };
struct item *declared_only(int a);

/*
** Sums the prices.
*/
static inline int *total(const struct item *items, char *names[], int (*each)(int), ...) {
  for (int i = 0; i < 3; i++) { while (i) { do { } while (0); } }
  if (items->next.price && names || each(1)) { return items->cost(2); }
  switch (items->price) { case 1: case 2: break; default: break; }
  return items ? &((Cart){ .n = 1 }).n : 0;
}

int trailing; /* not about signal */
void (*signal(int sig, void (*func)(int)))(int) { return func; }
int old(a, b) int a; int b; { }
