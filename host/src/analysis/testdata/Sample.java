/* Licence. */
package shop;

import java.util.List;
import java.util.function.*;
import static org.junit.Assert.assertEquals;

/**
 * A cart.
 */
@Entity(name = "cart")
@Deprecated
public abstract class Cart<T> extends Base<T> implements Comparable<Cart<T>>, shop.Priced {
  private final List<Item> items = new ArrayList<>();

  /** Makes one. */
  public Cart(int size, String... names) { super(size); this.size = size; }

  @Override
  public int total() throws Error {
    if (open && !items.isEmpty() || this.size > 0) { return 1; } else if (done) { return helper(2); }
    for (Item i : items) { while (true) { do { } while (false); } }
    for (int i = 0; i < items.length; i++) { }
    switch (size) { case 1: case 2: break; default: }
    int x = switch (size) { case 3 -> 1; default -> 0; };
    try { run(() -> Cart.create(x)); } catch (IOException e) { throw new UnsupportedOperationException(); }
    new Thread() { public void run() { } };
    return size == 0 ? 1 : 2;
  }

  abstract void pay();

  native void nat();

  enum State implements Named { OPEN { void go() { } }, CLOSED; State() { } }

  record Point(int x, int y) { Point { } }

  @interface Marker { String value() default ""; }
}

interface Shape extends Named, Sized { double area(); default void draw() { } }
