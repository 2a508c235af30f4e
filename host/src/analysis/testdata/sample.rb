#!/usr/bin/env ruby
# frozen_string_literal: true
require "json"
require_relative 'lib/item'

# What can be priced.
module Priced
  def price; raise NotImplementedError; end
end

# A cart.
# Holds items.
class Shop::Cart < Base
  include Priced
  extend Forwardable, Shop::Tools

  # Makes one.
  def self.make(size, *names, key: 1, **rest, &block)
    new_cart = Cart.new(size)
    new_cart.add(Shop::Item.new, JSON.parse(names.first))
  end

  def total(from = 0)
    return 1 if open? && !items.empty? || size > 0
    items.each { |i| sum(i) unless i.free? }
    case from
    when 1, 2 then helper(3)
    else 0
    end
    begin
      self.pay
    rescue Error
      from ? 1 : 2
    end
    while true do break end
  end

  class << self
    def build; end
  end
end

def Cart.close; end

def free(a, (b, c))
  puts(a)
end
