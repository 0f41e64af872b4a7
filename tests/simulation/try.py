import sys, time
from tests.simulation.universe import Plan, live
from tests.simulation.rules import TODAY
import collections
t=time.time(); n=int(sys.argv[1]); c=collections.Counter(); calls=0; reached=collections.Counter(); ex={}
for seed in range(n):
    o=live(Plan(seed, limits=TODAY)); calls+=o.calls; reached+=o.reached
    for b in {b.rule for b in o.broken}:
        c[b]+=1
    for b in o.broken: ex.setdefault(b.rule,[]).append((seed,b))
print(time.time()-t, calls/n, c); print(reached)
for k,v in ex.items(): print(k, *v[:3], sep="\n   ")
