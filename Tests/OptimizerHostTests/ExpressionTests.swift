// The grammar of optimizer expressions: what is understood, and where mistakes are seen.

import TestSupport
import Testing

@testable import OptimizerHost

@Suite struct ExpressionTests {
  /// Text, place of the mistake from 0, part of what is said of it.
  static let mistakes: [(String, Int, String)] = [
    ("", 0, "expected an optimizer's name or path"),
    ("   ", 3, "expected an optimizer's name or path"),
    ("(adam)", 0, "expected an optimizer's name or path"),
    ("adam)", 4, "this ')' closes nothing; remove it"),
    ("adam())", 6, "this ')' closes nothing; remove it"),
    ("adam sgd", 5, "unexpected 's' after the expression"),
    ("adam=1", 4, "unexpected '=' after the expression"),
    ("adam, sgd", 4, "unexpected ',' after the expression"),
    ("adam(", 5, "expected a setting or an optimizer"),
    ("adam(lr=1", 4, "this '(' is never closed; add ')'"),
    ("lookahead(adam(lr=1)", 9, "this '(' is never closed; add ')'"),
    ("adam(lr=1,", 10, "expected a setting or an optimizer"),
    ("adam(lr=1,)", 10, "expected a setting or an optimizer"),
    ("adam(,)", 5, "expected a setting or an optimizer"),
    ("adam(=1)", 5, "expected a setting or an optimizer"),
    ("adam(lr=)", 8, "expected a value for 'lr'"),
    ("adam(lr= )", 9, "expected a value for 'lr'"),
    ("adam(lr=1 2)", 10, "expected ',' or ')'"),
    ("adam(lr=1 eps=2)", 10, "expected ',' or ')'"),
    ("adam(lr=1=2)", 9, "expected ',' or ')'"),
    ("adam(lr=1, eps=1, lr=2)", 18, "'lr' is set twice; keep one"),
    ("lookahead(k=5, adam(lr=1, lr=2))", 26, "'lr' is set twice"),
    ("adam:adamw", 0, "only a path can be followed by ':'"),
    ("lookahead( sgd:x)", 11, "only a path can be followed by ':'"),
    ("./a.so:", 0, "a name is missing beside ':'"),
    (":adam", 0, "only a path can be followed by ':'"),
    ("\"./a.so", 0, "this quotation mark is never closed"),
    ("lookahead(\"a b", 10, "this quotation mark is never closed"),
    ("\"./a.so\":", 9, "expected an optimizer's name after ':'"),
    ("\"\"", 0, "a name is missing"),
    ("größe(lr=1", 5, "this '(' is never closed"),
  ]

  @Test(arguments: mistakes) func mistakeIsLocated(_ text: String, _ position: Int, _ part: String) throws {
    let error = try #require(throws: OptimizerError.self) { _ = try OptimizerExpression(parsing: text) }
    guard case .expression(text, position, let problem) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(problem.contains(part), "\(problem)")
  }

  @Test func messagePointsAtTheMistake() throws {
    let error = try #require(throws: OptimizerError.self) {
      _ = try OptimizerExpression(parsing: "adam(lr=)")
    }
    #expect(
      error.description
        == "optimizer expression: expected a value for 'lr', at character 9\n  adam(lr=)\n          ^")
  }

  @Test func names() throws {
    for text in ["adam", " adam ", "adam()", "adam ( )", "\n\tadam\n"] {
      let expression = try OptimizerExpression(parsing: text)
      #expect(expression.target == "adam")
      #expect(!expression.isPath)
      #expect(expression.member == nil && expression.settings.isEmpty && expression.bases.isEmpty)
    }
  }

  @Test func paths() throws {
    let paths: [(String, String, String?)] = [
      ("./my", "./my", nil), ("my.so", "my.so", nil), ("my.dylib", "my.dylib", nil),
      ("/a/b.so", "/a/b.so", nil),
      ("my.so:adamw", "my.so", "adamw"), ("a:b/c.so:x", "a:b/c.so", "x"), ("\"a, (b).so\"", "a, (b).so", nil),
      ("\"a:b.so\":x", "a:b.so", "x"), ("\"adam\"", "adam", nil),
    ]
    for (text, path, member) in paths {
      let expression = try OptimizerExpression(parsing: text)
      #expect(expression.target == path && expression.member == member, "\(text)")
      #expect(expression.isPath, "\(text)")
      #expect(try OptimizerExpression(parsing: expression.targetText) == reparsed(expression), "\(text)")
    }
  }

  /// The same target as it is when its own text is read.
  private func reparsed(_ expression: OptimizerExpression) -> OptimizerExpression {
    OptimizerExpression(
      target: expression.target, isPath: expression.isPath, member: expression.member, settings: [],
      bases: [],
      position: 0, text: expression.targetText)
  }

  @Test func settingsAndBasesInAnyOrder() throws {
    let text = "lookahead( k = 5 ,\"a b.so\":x(lr=1e-3, momentum=.9), alpha=0.5, sgd)"
    let expression = try OptimizerExpression(parsing: text)
    #expect(expression.settings.map(\.name) == ["k", "alpha"])
    #expect(expression.settings.map(\.value) == ["5", "0.5"])
    #expect(expression.settings.map(\.position) == [11, 52])
    #expect(expression.bases.map(\.target) == ["a b.so", "sgd"])
    #expect(expression.bases.map(\.position) == [18, 63])
    #expect(expression.bases[0].settings.map(\.value) == ["1e-3", ".9"])
    #expect(expression.bases[0].member == "x")
  }

  @Test func depthIsLimited() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "a(", count: depth) + "b" + String(repeating: ")", count: depth)
    }
    _ = try OptimizerExpression(parsing: nested(32))
    let error = try #require(throws: OptimizerError.self) { _ = try OptimizerExpression(parsing: nested(33)) }
    #expect("\(error)".contains("more than 32 optimizers inside one another, at character 67"))
    // Far deeper than any stack.
    #expect(throws: OptimizerError.self) { _ = try OptimizerExpression(parsing: nested(1_000_000)) }
  }
}

@Suite struct TreeTests {
  private func training(_ text: String) throws -> Training<Float> { try Training(text, start: 1) }

  static let mistakes: [(String, Int, String)] = [
    ("sgd(lf=1)", 4, "'sgd' has no hyperparameter 'lf'; it has lr, momentum"),
    ("sgd(momentun=1)", 4, "Did you mean 'momentum'?"),
    ("lookahead(k=5, sgd(lr=1, k=5))", 25, "'sgd' has no hyperparameter 'k'"),
    ("sgd(adam)", 4, "'sgd' wraps no other optimizer; set a hyperparameter with name=value"),
    ("lookahead", 0, "'lookahead' wraps 1 (base), not 0; write lookahead(adam)"),
    ("lookahead(adam, sgd)", 16, "'lookahead' wraps 1 (base), not 2"),
  ]

  @Test(arguments: mistakes) func mistakeIsLocated(_ text: String, _ position: Int, _ part: String) throws {
    let error = try #require(throws: OptimizerError.self) { _ = try training(text) }
    guard case .expression(text, position, let problem) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(problem.contains(part), "\(problem)")
  }

  static let values: [(String, String)] = [
    ("sgd(lr=x)", "hyperparameter 'lr': 'x' is not a value; it takes numbers ≥ 0."),
    ("sgd(lr=-1)", "hyperparameter 'lr': takes values ≥ 0, not -1"),
    ("sgd(lr=nan)", "takes values ≥ 0, not nan"),
    ("sgd(lr=inf)", "takes values ≥ 0, not inf"),
    ("sgd(nesterov=maybe)", "'maybe' is not a value; it takes true or false"),
    ("lookahead(k=2.5, sgd)", "takes whole numbers, not 2.5"),
    ("lookahead(k=0, sgd)", "hyperparameter 'k': takes values"),
    ("lookahead(momentum=rest, sgd)", "Did you mean 'reset'?"),
  ]

  @Test(arguments: values) func wrongValueIsExplained(_ text: String, _ part: String) throws {
    let error = try #require(throws: OptimizerError.self) { _ = try training(text) }
    #expect("\(error)".contains(part), "\(error)")
  }

  @Test func canonicalExpressionMeansItself() throws {
    let folder = try TemporaryFolder()
    let odd = try folder.copy(BuildProducts.plugin("Adam"), as: "an odd, name=(x).so")
    for text in [
      "sgd", "adamw(lr=1e-30, eps=0.1)",
      "lookahead(momentum=pullback, lookahead(k=3, sgd(lr=0.1, momentum=0.9)))",
      "\"\(odd)\":adamw(amsgrad=true)", "lookahead(\"\(odd)\":adam(lr=0.333333333333333314829616256247))",
    ] {
      let canonical = try training(text).optimizer.expression
      #expect(try training(canonical).optimizer.expression == canonical)
    }
    #expect(
      try training("lookahead(sgd(lr=0.1))").optimizer.expression
        == "lookahead(k=5, alpha=0.5, init=copy, momentum=none, sgd(lr=0.1, momentum=0, dampening=0, "
        + "weight_decay=0, nesterov=false, maximize=false))")
  }
}
