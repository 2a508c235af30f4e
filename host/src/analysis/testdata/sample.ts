import type { Shape } from './shape';
import fs = require('fs');

/** What has an area. */
export interface HasArea extends Shape, Base<number> {
  area(scale?: number): number;
  name: string;
}

type Point = { x: number; move(by: number): void };
type Id = string | number;
declare enum Color { Red }
const enum Size { Small }

export abstract class Square<T> extends Shape<T> implements HasArea, other.Thing {
  constructor(private readonly side: number, label?: string) { super(); }
  abstract grow(this: Square<T>, ...by: number[]): void;
  area = (): number => this.side! * 2;
  @Input()
  @Output({ a: 1 })
  private async draw<U>(target: Canvas<U>): Promise<void> { target.line(this.side as number)!.end(); }
}

@Component({ selector: 'x' })
class Widget {}

namespace Geo { export function dist(a: Point, b: Point): number { return Geo.round(a.x) } }
declare function external(x: number): void;
function over(x: string): void;
function over(x: any) { return new Map<string, Point>(); }
