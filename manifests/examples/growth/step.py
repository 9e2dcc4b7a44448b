import oarlock

print("this is", oarlock.node)
oarlock.output({"did": oarlock.node})
