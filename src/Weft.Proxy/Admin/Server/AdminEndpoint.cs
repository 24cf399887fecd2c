namespace Weft.Proxy.Admin;

/// <summary>One path of the admin server.</summary>
/// <param name="Path">Exact, without query: <c>/ready</c>.</param>
/// <param name="Help">One clause for the list of endpoints.</param>
/// <param name="Serve">Fills the response. Runs on a thread of its own, never a worker's; may throw, which is answered 500.</param>
internal sealed record AdminEndpoint(string Path, string Help, Action<AdminRequest, AdminResponse> Serve)
{
    /// <summary>True: POST, because asking changes the proxy. False: GET and HEAD.</summary>
    public bool ChangesState { get; init; }

    public string Methods => ChangesState ? "POST" : "GET, HEAD";

    public bool Takes(string method) => ChangesState ? method == "POST" : method is "GET" or "HEAD";
}
