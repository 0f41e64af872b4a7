// What Microsoft's Kusto language service says of queries: diagnostics, the columns of each answer, and
// which events and fields a query asks for. Reads {"tables": {NAME: "(COLUMN: TYPE, ...)"}, "queries":
// {NAME: TEXT}} from standard input and writes one object per query; infra/checks/kql.py judges it.
const { readFileSync } = require("node:fs");

require("@kusto/language-service-next/bridge.min.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.min.js");
const { GlobalState, KustoCode, Symbols, Syntax } = globalThis.Kusto.Language;

const items = (list) => (list ? Array.from({ length: list.Count }, (_, i) => list.getItem(i)) : []);
const columns = (type) => Object.fromEntries(items(type?.Columns).map((one) => [one.Name, one.Type.Name]));
const isTable = (node) => node.ReferencedSymbol instanceof Symbols.TableSymbol;

function descendants(node, test) {
  const children = Array.from({ length: node.ChildCount }, (_, i) => node.GetChild(i)).filter(Boolean);
  return [...(test(node) ? [node] : []), ...children.flatMap((child) => descendants(child, test))];
}

// The prefixes that the pipeline compares Message with: `Message startswith_cs "handled "`.
function events(pipeline) {
  const kind = Syntax.SyntaxKind.StartsWithCsExpression;
  return descendants(pipeline, (node) => node.Kind === kind).map((node) => node.Right.ConstantValue);
}

// From a table's name up to the end of the pipeline that it begins.
function pipeline(node) {
  const { Parent } = node;
  return Parent instanceof Syntax.PipeExpression && Parent.Expression === node ? pipeline(Parent) : node;
}

function analyze(text, globals) {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const find = (kind) => descendants(code.Syntax, (node) => node instanceof kind);
  return {
    diagnostics: items(code.GetDiagnostics()).map(({ Message, Start, Length }) => ({
      message: Message, start: Start, text: text.slice(Start, Start + Length),
    })),
    columns: columns(code.ResultType),
    sources: find(Syntax.NameReference).filter(isTable).map((node) => ({
      start: node.TextStart, events: events(pipeline(node)),
    })),
    parses: find(Syntax.ParseKvOperator).map((node) => ({
      start: node.TextStart,
      events: events(node.Parent.Expression),
      fields: Object.fromEntries(items(node.Keys.Columns).map(({ Element$1: one }) => [
        one.Name.SimpleName, one.Type.toString().trim(),
      ])),
      options: node.WithClause ? node.WithClause.toString().trim() : "",
    })),
  };
}

const { tables, queries } = JSON.parse(readFileSync(0, "utf8"));
const symbols = Object.entries(tables).map(([name, schema]) => new Symbols.TableSymbol.$ctor7(name, schema, null));
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.$ctor1("log", symbols));
const answers = Object.entries(queries).map(([name, text]) => [name, analyze(text, globals)]);
process.stdout.write(JSON.stringify(Object.fromEntries(answers)));
