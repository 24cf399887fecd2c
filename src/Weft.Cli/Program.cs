using Weft.Cli;
using Weft.Cli.Processes;

// Two ways in are not command lines for people and must cost nothing: a child about to become its program, and `weft proxy`, which
// becomes weft-proxy with all its arguments untouched.
if (args is [ChildStub.Verb, .. var child]) return ChildStub.Become(child);
if (args is ["proxy", .. var proxyArguments]) return SiblingProgram.BecomeProxy(proxyArguments);
return await CommandLine.RunAsync(args, CliContext.OfThisProcess());
