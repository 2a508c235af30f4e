<?php
namespace Shop\Models;

use Shop\Base\Item;
use Shop\Tools\{Json, Text as T};
use function Shop\price;
use Countable;
require_once __DIR__ . '/lib/util.php';
include 'conf.php';

/**
 * A cart.
 */
#[Entity]
abstract class Cart extends Base implements \Countable, Priced
{
    use Logs, Shop\Timed;

    private array $items = [];

    /** Makes one. */
    public function __construct(private int $size, string ...$names) { $this->size = $size; }

    #[Pure]
    public function total(int $from = 0): int
    {
        if ($this->open && !$this->isEmpty() || $from > 0) { return 1; } elseif ($from) { return helper(2); }
        foreach ($this->items as $i) { while (true) { do { } while (false); } }
        for ($i = 0; $i < 3; $i++) { }
        switch ($from) { case 1: break; default: }
        $x = match ($from) { 3 => 1, default => 0 };
        try { Cart::create(new Item($x)); self::check(); } catch (\Exception $e) { throw new Exception("not implemented"); }
        return T::cut(\Shop\price($this->owner?->name ?? '')) ?: $from ? 1 : 2;
    }

    abstract public function pay(): void;
}

interface Priced { public function price(); }
trait Logs { public function log() { } }
enum State: string { case Open = 'o'; public function label() { return strtolower($this->name); } }

/** Helps. */
function helper(int $n) { return new class extends Item { }; }
