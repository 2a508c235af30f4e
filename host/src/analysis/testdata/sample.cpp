#include <vector>
/// A shape.
/// With area.
template <typename T>
class Shape : public Base, private ns::Other<T> {
public:
  explicit Shape(int a) : a_(a) {}
  virtual ~Shape() = 0;
  /// The area.
  virtual double area(double scale = 1) const = 0;
  static Shape make() { return Shape(1); }
  bool operator==(const Shape& o) const;
  operator bool() { return this->a_; }
  Shape(const Shape&) = delete;
  struct Inner { void go() {} };
  int (*callback)(int);
  int a_ = 0;
};

namespace geo {
enum class Kind : int { A };
void Shape::resize(int by) {
  for (auto& x : items) { if (x and by) throw std::logic_error("not implemented"); }
  try { delete x; } catch (const E& e) { geo::helper(2); }
  new ns::Foo<int>(1);
  auto f = [&](int q) { return q ? 1 : 2; };
}
int free_function(int (&arr)[3], std::string&& s) { return x.y + Shape<int>::make().area(2) + std::max<int>(1, 2); }
void geo::later() {}
}
template <> void Vec<int>::push(int v) {}
Other::operator bool() const { return true; }
class EXPORT Api { int x; };
