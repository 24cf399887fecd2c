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
    private readonly Dictionary<IRouteWaiter, string> _waiting = new(ReferenceEqualityComparer.Instance);

    public void Add(IRouteWaiter waiter, string name)
    {
        _waiting.Add(waiter, name);
        context.Config.WantRoute?.Invoke(name);
    }

    public void Remove(IRouteWaiter waiter) => _waiting.Remove(waiter);

    /// <summary>Called on the worker when <paramref name="config"/> has become current.</summary>
    public void OnPublished(ProxyConfig config)
    {
        if (_waiting.Count == 0) return;
        // One that goes on may end others' waits or start one at once, so what is walked is a copy.
        foreach (var (waiter, name) in _waiting.ToArray())
        {
            if (config.Routes.Find(name) is null || !_waiting.Remove(waiter)) continue;
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
