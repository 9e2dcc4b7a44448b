import oarlock

number = oarlock.input["number"]
oarlock.progress(0.5)
oarlock.output({"square": number * number})
