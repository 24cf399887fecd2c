using Weft.Proxy.Configuration;

namespace Weft.Proxy.Pipelines;

/// <summary>
/// Requests that wait for a route configuration asked for on demand. A new version of the configuration wakes those whose answer it holds; each
/// exchange bounds its own waiting.
/// </summary>
internal sealed class RouteWaiters(WorkerContext context)
{
    private readonly List<(Exchange Exchange, string Name)> _waiting = [];

    public void Add(Exchange exchange, string name)
    {
        _waiting.Add((exchange, name));
        context.Config.WantRoute?.Invoke(name);
    }

    public void Remove(Exchange exchange) => _waiting.RemoveAll(w => ReferenceEquals(w.Exchange, exchange));

    /// <summary>Called on the worker when <paramref name="config"/> has become current.</summary>
    public void OnPublished(ProxyConfig config)
    {
        // An exchange that goes on may end and start another wait at once, so the list is not walked while it changes.
        for (var i = _waiting.Count - 1; i >= 0; i--)
        {
            if (i >= _waiting.Count || config.Routes.Find(_waiting[i].Name) is null) continue;
            var exchange = _waiting[i].Exchange;
            _waiting.RemoveAt(i);
            try
            {
                exchange.OnRoutesArrived();
            }
            catch (Exception e)
            {
                context.Worker.Report("exchange", "its routes arrived", e); // the others still wait
                exchange.Break();
            }
        }
    }
}
