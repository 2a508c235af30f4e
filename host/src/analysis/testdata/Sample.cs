// Licence.
using System;
using System.Collections.Generic;
using static Shop.Tools;
using Json = Shop.Serialization.Json;

namespace Shop.Models;

/// <summary>A cart.</summary>
[Serializable]
public abstract class Cart<T> : Base<T>, IPriced where T : Item
{
    private readonly List<Item> items = new List<Item>();

    /// Makes one.
    public Cart(int size, params string[] names) : base(size) { this.size = size; }

    [Obsolete]
    public int Total(int from = 0)
    {
        if (open && !items.IsEmpty() || this.size > 0) { return 1; }
        foreach (var i in items) { while (true) { do { } while (false); } }
        for (var i = 0; i < items.Count; i++) { }
        switch (from) { case 1: case 2: break; default: break; }
        var x = from switch { 3 => 1, _ => 0 };
        try { Run(() => Cart.Create<T>(x)); } catch (Exception) { throw new NotSupportedException(); }
        int Twice(int n) => n * 2;
        return this.Helper()?.Sum(Json.Parse(name ?? "")) ?? (open ? 1 : Twice(2));
    }

    public abstract void Pay();

    [DllImport("x")]
    static extern void Native();

    public int Size { get; set; }
}

interface IPriced { decimal Price(); }
record Point(int X, int Y) : Base(X);
struct Pair { }
enum State { Open, Closed }
