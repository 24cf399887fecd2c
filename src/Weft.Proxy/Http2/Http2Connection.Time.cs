namespace Weft.Proxy.Http2;

/// <content>Limits in time: one timer, set to whichever limit comes first.</content>
internal abstract partial class Http2Connection
{
    private long NextDueMs()
    {
        if (_state == State.Lingering) return long.MaxValue;
        var due = DueMs;
        if (!Session.AreSettingsAcknowledged) due = Math.Min(due, After(_openedMs, _settings.SettingsAckMs));
        if (_headStartedMs != long.MaxValue) due = Math.Min(due, After(_headStartedMs, HeadTimeoutMs));
        if (_blocked) due = Math.Min(due, After(_progressMs, _settings.StallMs));
        return Math.Min(due, _pinged ? After(_pingedMs, _settings.KeepAliveTimeoutMs) : After(_heardMs, _keepAliveMs));
    }

    private void CheckLimits(long now)
    {
        if (_readable && IsOutputUnread) _heardMs = now; // it is we who do not read: its answer to a PING may lie there
        if (!Session.AreSettingsAcknowledged && now >= After(_openedMs, _settings.SettingsAckMs)) End(Http2ErrorCode.SettingsTimeout, "our SETTINGS were not acknowledged in time");
        else if (_headStartedMs != long.MaxValue && now >= After(_headStartedMs, HeadTimeoutMs)) End(Http2ErrorCode.EnhanceYourCalm, "a head did not end in time");
        else if (_blocked && now >= After(_progressMs, _settings.StallMs)) Finish("the peer read nothing for too long", reset: true);
        else if (_pinged && _heardMs >= _pingedMs) _pinged = false;
        else if (_pinged && now >= After(_pingedMs, _settings.KeepAliveTimeoutMs)) Finish("the peer did not answer a PING", reset: true);
        else if (!_pinged && now >= After(_heardMs, _keepAliveMs))
        {
            _pinged = true;
            _pingedMs = now;
            Session.Ping(KeepAlivePing);
        }
        if (_state == State.Open && now >= DueMs) OnDue(now);
    }

    private void End(Http2ErrorCode code, string detail)
    {
        Session.ConnectionError(code, detail);
        Fail();
    }

    private static long After(long start, long limit) => limit == Http2Settings.None ? long.MaxValue : start + limit;
}
