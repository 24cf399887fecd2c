namespace Weft.Proxy.Workers;

/// <summary>An exception that a worker survived.</summary>
/// <param name="Worker">Name of the worker.</param>
/// <param name="Where">What ran: <c>channel</c>, <c>accept</c>, <c>timer</c>, <c>work</c>.</param>
/// <param name="State">One line of state of what it ran for.</param>
internal sealed record ContainedFault(string Worker, string Where, string State, Exception Exception);
