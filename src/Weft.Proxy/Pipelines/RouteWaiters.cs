using Weft.Proxy.Configuration;

namespace Weft.Proxy.Pipelines;

/// <summary>Waits for a route configuration, on one worker, and bounds its own waiting.</summary>
internal interface IRouteWaiter
{
    /// <summary>The route configuration has come, or is known not to exist. The waiter is no longer on the list.</summary>
    void OnRoutesArrived();

    /// <summary><see cref="OnRoutesArrived"/> threw, and was reported.</summary>
    void Break();
}

/// <summary>
/// Requests and connections that wait for a route configuration asked for on demand. A new version of the configuration wakes those whose answer it holds.
/// </summary>
internal sealed class RouteWaiters(WorkerContext context)
{
    private readonly List<(IRouteWaiter Waiter, string Name)> _waiting = [];

    public void Add(IRouteWaiter waiter, string name)
    {
        _waiting.Add((waiter, name));
        context.Config.WantRoute?.Invoke(name);
    }

    public void Remove(IRouteWaiter waiter) => _waiting.RemoveAll(w => ReferenceEquals(w.Waiter, waiter));

    /// <summary>Called on the worker when <paramref name="config"/> has become current.</summary>
    public void OnPublished(ProxyConfig config)
    {
        // One that goes on may end and start another wait at once, so the list is not walked while it changes.
        for (var i = _waiting.Count - 1; i >= 0; i--)
        {
            if (i >= _waiting.Count || config.Routes.Find(_waiting[i].Name) is null) continue;
            var waiter = _waiting[i].Waiter;
            _waiting.RemoveAt(i);
            try
            {
                waiter.OnRoutesArrived();
            }
            catch (Exception e)
            {
                context.Worker.Report(waiter.GetType().Name, "its routes arrived", e); // the others still wait
                waiter.Break();
            }
        }
    }
}
