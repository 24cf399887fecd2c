
namespace Weft.Proxy.Admin;

/// <summary>Finds the endpoint that a request means, and refuses what no endpoint should see.</summary>
internal sealed class AdminRouter
{
    private readonly Dictionary<string, AdminEndpoint> _endpoints;
    private readonly bool _loopback;
    private readonly string _list;

    /// <param name="loopback">The server is reached from this machine only; then names are refused: see <see cref="Refusal"/>.</param>
    public AdminRouter(IReadOnlyList<AdminEndpoint> endpoints, bool loopback)
    {
        var index = new AdminEndpoint("/", "this list", (_, response) => response.Body.Write(_list!));
        IEnumerable<AdminEndpoint> all = [index, .. endpoints.OrderBy(e => e.Path, StringComparer.Ordinal)];
        _endpoints = all.ToDictionary(e => e.Path, StringComparer.Ordinal);
        _loopback = loopback;
        _list = string.Concat(all.Select(e => $"  {e.Path}: {e.Help}{(e.ChangesState ? " (POST)" : "")}\n"));
    }

    public void Serve(AdminRequest request, AdminResponse response)
    {
        if (!_endpoints.TryGetValue(request.Path, out var endpoint))
        {
            response.Say(404, $"there is no {request.Path} here; the endpoints are\n{_list}");
        }
        else if (!endpoint.Takes(request.Method))
        {
            response.Say(405, $"{endpoint.Path} takes {endpoint.Methods}, not {request.Method}\n");
            response.Allow = endpoint.Methods;
        }
        else if (Refusal(request, endpoint) is { } refusal)
        {
            response.Say(403, refusal);
        }
        else
        {
            endpoint.Serve(request, response);
        }
    }

    /// <summary>
    /// A loopback address keeps other machines out, but not the pages that a browser on this one has open: any page may POST across origins, and a
    /// page whose DNS name was moved to 127.0.0.1 may read the answers too. The first sends Origin, the second its own name as Host.
    /// </summary>
    private string? Refusal(AdminRequest request, AdminEndpoint endpoint)
    {
        if (endpoint.ChangesState && request.HasOrigin) return $"{endpoint.Path} is not for web pages: the request has an Origin\n";
        if (_loopback && request.Host.Length > 0 && !request.HostIsAddress && !request.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
            return $"the Host of a request to this loopback address must be an IP address or localhost, not {request.Host}\n";
        return null;
    }
}
