// What `oarlock validate` says of a state machine, to the letter: line, column, path, what was expected and what was found.

import { describe, expect, test } from 'vitest';
import { admitNow } from '../../../manifests/admit.ts';
import { problemsOf, wordsOf } from './help.ts';

function said(text: string): string[] {
  return wordsOf(problemsOf({ text, defaultName: 'machine' }));
}

describe('the linter for state machines', () => {
  test('names that lead nowhere', () => {
    expect(
      said(`startAt: a
states:
  a:
    type: Choice
    choices:
      - condition: {variable: "$.x", booleanEquals: true}
        next: nowere
    default: nowhere
  nowhere: {type: Success}
`),
    ).toEqual([
      '7:15 states.a.choices[0].next: expected the name of a state beside it, found "nowere", which is none; did you mean "nowhere"?',
    ]);
  });

  test('a state that nothing leads to: AWS refuses it, in our letters it is a warning', () => {
    expect(
      said(`{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Succeed"},
    "Lost": {"Type": "Succeed"}
  }
}`),
    ).toEqual(['5:5 States.Lost: nothing leads to the state "Lost"']);
    const ours = 'startAt: a\nstates:\n  a: {type: Success}\n  lost: {type: Success}\n';
    const { manifests } = admitNow({ name: 'doc.yaml', text: ours, defaultName: 'machine' });
    expect(wordsOf(manifests.flatMap(({ warnings }) => warnings))).toEqual([
      '4:3 states.lost: nothing leads to the state "lost"',
    ]);
  });

  test('no state that ends', () => {
    expect(
      said(`{
  "StartAt": "A",
  "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}
}`),
    ).toEqual(['3:13 States: expected a state that ends (Success, Fail, or end: true), found none']);
  });

  test('paths and calls that are none, in the order of the document', () => {
    expect(
      said(`{
  "StartAt": "A",
  "States": {
    "A": {
      "Type": "Pass",
      "InputPath": "$.a[",
      "Parameters": {
        "x.$": "States.Format('{}', $.b",
        "y.$": "States.Nope()",
        "z.$": "b.c"
      },
      "ResultPath": "$.a[*]",
      "End": true
    }
  }
}`),
    ).toEqual([
      '6:20 States.A.InputPath: expected a step of the path at 4, found "[", found the text "$.a["',
      `8:16 States.A.Parameters["x.$"]: expected "," or ")" at 24, found the text "States.Format('{}', $.b"`,
      '9:16 States.A.Parameters["y.$"]: expected a call of an intrinsic function as States.Format(...) at 1, found the text "States.Nope()"',
      '10:16 States.A.Parameters["z.$"]: expected a path or a call, not a JSONPath or intrinsic function expression, found the text "b.c"',
      '12:21 States.A.ResultPath: expected a path that names one place, found the text "$.a[*]"',
    ]);
  });

  test('expressions that are none', () => {
    expect(
      said(`{
  "QueryLanguage": "JSONata",
  "StartAt": "A",
  "States": {
    "A": {
      "Type": "Pass",
      "Output": {
        "a": "{% $sum( %}",
        "b": "{%1%}"
      },
      "End": true
    }
  }
}`),
    ).toEqual([
      '8:14 States.A.Output.a: expected a JSONata expression: Expected ")" before end of expression, found the text "{% $sum( %}"',
      '9:14 States.A.Output.b: expected blanks behind {% and before %}, found the text "{%1%}"',
    ]);
  });
});
