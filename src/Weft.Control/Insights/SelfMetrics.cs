using Weft.Control.Serving;
using Weft.Control.Store;
using Weft.Control.Translation;
using Weft.Telemetry.Metrics;

namespace Weft.Control.Insights;

/// <summary>What the control plane says of itself under <c>/metrics</c>.</summary>
internal static class SelfMetrics
{
    public static MetricsRegistry Create(
        TimeProvider time, ResourceStore store, MeshReconciler reconciler, Translator translator, ProxyRegistry proxies, TrafficWindow traffic)
    {
        var metrics = new MetricsRegistry(time);
        metrics.AddGauge("weft_store_revision", "Revision of the last acknowledged write.", () => store.Current.Revision);
        metrics.AddGauge("weft_store_log_bytes", "Size of the store's log.", () => store.LogBytes);
        metrics.AddGauge("weft_store_writable", "1 unless the disk refused the last write.", () => store.LastFailure is null ? 1 : 0);
        metrics.AddGauge("weft_mesh_revision", "Revision that proxies are served from.", () => reconciler.Models.Value.Revision);
        metrics.AddGauge("weft_mesh_builds", "Models built since the start.", () => reconciler.Builds);
        metrics.AddGauge("weft_translations", "xDS resources translated since the start.", () => translator.Translations);
        metrics.AddGauge("weft_translation_refusals", "Translations that Weft's own compiler refused since the start; anything but 0 is a defect.", () => translator.Refusals);
        metrics.AddGauge("weft_proxies_connected", "Proxies with an open configuration stream.", () => proxies.Connected);
        metrics.AddGauge("weft_proxies_refusing", "Proxies that refuse some configuration.", () => proxies.Proxies.Value.Values.Count(p => p.Connected && !p.Refusals.IsEmpty));
        metrics.AddGauge("weft_traffic_points_skipped", "Data points of proxies that could not be read since the start.", () => traffic.Skipped);
        return metrics;
    }
}
