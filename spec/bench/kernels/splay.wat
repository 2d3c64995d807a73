;; splay.wat -- a splay tree of 8,000 keys: n times 1,000 keys go and others come, as in V8's
;; own benchmark of that name. Top-down splaying; nodes carry a small array as payload.
(module
  (type $payload (array (mut i32)))
  (type $node (struct (field $key i32) (field $left (mut (ref null $node)))
    (field $right (mut (ref null $node))) (field $load (ref $payload))))
  (global $root (mut (ref null $node)) (ref.null $node))
  (global $seed (mut i32) (i32.const 1))

  (func $random (result i32)
    (local $x i32)
    (local.set $x (global.get $seed))
    (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 13))))
    (local.set $x (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 17))))
    (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 5))))
    (global.set $seed (local.get $x))
    (i32.and (local.get $x) (i32.const 0x7fffffff)))

  (func $node (param $key i32) (result (ref $node))
    (struct.new $node (local.get $key) (ref.null $node) (ref.null $node)
      (array.new $payload (local.get $key) (i32.const 10))))

  ;; The node nearest to the key becomes the root.
  (func $splay (param $key i32)
    (local $head (ref $node)) (local $left (ref $node)) (local $right (ref $node))
    (local $now (ref $node)) (local $child (ref $node))
    (if (ref.is_null (global.get $root)) (then (return)))
    (local.set $now (ref.as_non_null (global.get $root)))
    (local.set $head (call $node (i32.const 0)))
    (local.set $left (local.get $head))
    (local.set $right (local.get $head))
    (block $done
      (loop $next
        (if (i32.lt_s (local.get $key) (struct.get $node $key (local.get $now)))
          (then
            (local.set $child
              (br_on_null $done (struct.get $node $left (local.get $now))))
            (if (i32.lt_s (local.get $key) (struct.get $node $key (local.get $child)))
              (then ;; turn right
                (struct.set $node $left (local.get $now)
                  (struct.get $node $right (local.get $child)))
                (struct.set $node $right (local.get $child) (local.get $now))
                (local.set $now (local.get $child))
                (local.set $child
                  (br_on_null $done (struct.get $node $left (local.get $now))))))
            (struct.set $node $left (local.get $right) (local.get $now))
            (local.set $right (local.get $now))
            (local.set $now (local.get $child))
            (br $next)))
        (br_if $done (i32.eq (local.get $key) (struct.get $node $key (local.get $now))))
        (local.set $child
          (br_on_null $done (struct.get $node $right (local.get $now))))
        (if (i32.gt_s (local.get $key) (struct.get $node $key (local.get $child)))
          (then ;; turn left
            (struct.set $node $right (local.get $now)
              (struct.get $node $left (local.get $child)))
            (struct.set $node $left (local.get $child) (local.get $now))
            (local.set $now (local.get $child))
            (local.set $child
              (br_on_null $done (struct.get $node $right (local.get $now))))))
        (struct.set $node $right (local.get $left) (local.get $now))
        (local.set $left (local.get $now))
        (local.set $now (local.get $child))
        (br $next)))
    (struct.set $node $right (local.get $left) (struct.get $node $left (local.get $now)))
    (struct.set $node $left (local.get $right) (struct.get $node $right (local.get $now)))
    (struct.set $node $left (local.get $now) (struct.get $node $right (local.get $head)))
    (struct.set $node $right (local.get $now) (struct.get $node $left (local.get $head)))
    (global.set $root (local.get $now)))

  (func $insert (param $key i32)
    (local $new (ref $node)) (local $root (ref $node))
    (local.set $new (call $node (local.get $key)))
    (if (i32.eqz (ref.is_null (global.get $root)))
      (then
        (call $splay (local.get $key))
        (local.set $root (ref.as_non_null (global.get $root)))
        (if (i32.eq (local.get $key) (struct.get $node $key (local.get $root)))
          (then (return)))
        (if (i32.gt_s (local.get $key) (struct.get $node $key (local.get $root)))
          (then
            (struct.set $node $left (local.get $new) (local.get $root))
            (struct.set $node $right (local.get $new)
              (struct.get $node $right (local.get $root)))
            (struct.set $node $right (local.get $root) (ref.null $node)))
          (else
            (struct.set $node $right (local.get $new) (local.get $root))
            (struct.set $node $left (local.get $new)
              (struct.get $node $left (local.get $root)))
            (struct.set $node $left (local.get $root) (ref.null $node))))))
    (global.set $root (local.get $new)))

  ;; The node nearest to the key goes; its key is the answer.
  (func $remove (param $key i32) (result i32)
    (local $root (ref $node))
    (call $splay (local.get $key))
    (local.set $root (ref.as_non_null (global.get $root)))
    (if (ref.is_null (struct.get $node $left (local.get $root)))
      (then (global.set $root (struct.get $node $right (local.get $root))))
      (else
        (global.set $root (struct.get $node $left (local.get $root)))
        (call $splay (local.get $key))
        (struct.set $node $right (ref.as_non_null (global.get $root))
          (struct.get $node $right (local.get $root)))))
    (i32.add (struct.get $node $key (local.get $root))
      (array.get $payload (struct.get $node $load (local.get $root)) (i32.const 9))))

  (func (export "run") (param $n i32) (result i32)
    (local $i i32) (local $sum i32)
    (global.set $root (ref.null $node))
    (global.set $seed (i32.const 12345))
    (local.set $i (i32.const 8000))
    (loop $fill
      (call $insert (call $random))
      (br_if $fill (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
    (local.set $n (i32.mul (local.get $n) (i32.const 1000)))
    (loop $turn
      (call $insert (call $random))
      (local.set $sum
        (i32.add (i32.mul (local.get $sum) (i32.const 31)) (call $remove (call $random))))
      (br_if $turn (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (global.set $root (ref.null $node))
    (local.get $sum)))
