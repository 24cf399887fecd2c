using Weft.Control.Store;

namespace Weft.Control.Tests.Store;

/// <summary>What the disk holds after the power came back: the promise of fsync is the least of these, and real disks do anything between.</summary>
public enum PowerLoss
{
    /// <summary>Only what was synced.</summary>
    DropUnsynced,

    /// <summary>Everything that was written, synced or not (a kill -9).</summary>
    KeepUnsynced,
}

public sealed class PowerCutException() : Exception("the power is off");

/// <summary>A folder in memory that knows the difference between written and durable, and can fail or lose power at any operation.</summary>
public sealed class FaultyFiles : IStoreFiles
{
    private readonly Lock _lock = new(); // guards everything below
    private Dictionary<string, Content> _names = [];
    private Dictionary<string, Content> _durableNames = [];
    private long _left = long.MaxValue;
    private bool _locked;

    /// <summary>Mutating steps so far: each written byte, and each sync, truncation, rename or deletion, is one.</summary>
    public long Steps { get; private set; }

    /// <summary>Number of fsyncs of files.</summary>
    public int Syncs { get; private set; }

    /// <summary>What happened, in order: <c>write NAME</c>, <c>sync NAME</c>, <c>syncfolder</c>, and what tests add.</summary>
    public List<string> Journal { get; } = [];

    /// <summary>When false, fsync returns at once and makes nothing durable: a disk that lies, or a store that forgot it.</summary>
    public bool SyncWorks { get; set; } = true;

    public bool FolderSyncWorks { get; set; } = true;

    /// <summary>Bytes that can be written before the disk is full.</summary>
    public long Space { get; set; } = long.MaxValue;

    /// <summary>Called at the start of each fsync of a file; may throw or block.</summary>
    public Action<string>? OnSync { get; set; }

    public string Folder => "/faulty";

    /// <summary>The power goes off in the middle of step <paramref name="steps"/> + 1 from now.</summary>
    public void CutPowerAfter(long steps) { lock (_lock) _left = steps; }

    /// <summary>The power comes back.</summary>
    public FaultyFiles Restart(PowerLoss loss)
    {
        lock (_lock)
        {
            var after = new FaultyFiles();
            var names = loss == PowerLoss.DropUnsynced ? _durableNames : _names;
            foreach (var (name, content) in names)
                after._names[name] = new Content(name, loss == PowerLoss.DropUnsynced ? content.Durable : content.Bytes);
            after._durableNames = new Dictionary<string, Content>(after._names);
            return after;
        }
    }

    public byte[] this[string name]
    {
        get { lock (_lock) return _names[name].Bytes; }
        set { lock (_lock) _names[name] = _durableNames[name] = new Content(name, value); }
    }

    public void Remove(string name) { lock (_lock) { _names.Remove(name); _durableNames.Remove(name); } }

    public FaultyFiles Copy() => Restart(PowerLoss.KeepUnsynced);

    public IDisposable Lock()
    {
        if (_locked) throw new StoreLockedException(Folder, null, new IOException());
        _locked = true;
        return new Unlock(this);
    }

    public bool Exists(string name) { lock (_lock) return _names.ContainsKey(name); }

    public IStoreFile Open(string name)
    {
        lock (_lock)
        {
            if (!_names.TryGetValue(name, out var content))
            {
                Step();
                _names[name] = content = new Content(name, []);
            }
            return new OpenFile(this, content);
        }
    }

    public void Rename(string from, string to)
    {
        lock (_lock)
        {
            Step();
            _names[to] = _names[from];
            _names[to].Name = to;
            _names.Remove(from);
        }
    }

    public void Delete(string name) { lock (_lock) { Step(); _names.Remove(name); } }

    public void SyncFolder()
    {
        lock (_lock)
        {
            Step();
            Journal.Add("syncfolder");
            if (FolderSyncWorks) _durableNames = new Dictionary<string, Content>(_names);
        }
    }

    private void Step()
    {
        if (_left <= 0) throw new PowerCutException();
        _left--;
        Steps++;
    }

    private sealed class Content(string name, byte[] bytes)
    {
        public string Name = name;
        public byte[] Bytes = bytes;
        public byte[] Durable = bytes;
    }

    private sealed class OpenFile(FaultyFiles files, Content content) : IStoreFile
    {
        public long Length { get { lock (files._lock) return content.Bytes.Length; } }

        public int Read(long offset, Span<byte> buffer)
        {
            lock (files._lock)
            {
                var from = content.Bytes.AsSpan((int)Math.Min(offset, content.Bytes.Length));
                var n = Math.Min(from.Length, buffer.Length);
                from[..n].CopyTo(buffer);
                return n;
            }
        }

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            lock (files._lock)
            {
                files.Journal.Add($"write {content.Name}");
                // As far as power and space reach; then the failure.
                var growth = Math.Max(0, offset + bytes.Length - content.Bytes.Length);
                var written = Math.Min(bytes.Length, files._left);
                var full = growth > files.Space && bytes.Length - (growth - files.Space) <= written;
                if (full) written = bytes.Length - (growth - files.Space);
                var next = content.Bytes.ToArray();
                if (offset + written > next.Length) Array.Resize(ref next, (int)(offset + written));
                bytes[..(int)written].CopyTo(next.AsSpan((int)offset));
                if (files.Space < long.MaxValue / 2) files.Space -= next.Length - content.Bytes.Length;
                content.Bytes = next;
                files._left -= written;
                files.Steps += written;
                if (full) throw new IOException("No space left on device", 28);
                if (written < bytes.Length) throw new PowerCutException();
            }
        }

        public void Sync()
        {
            files.OnSync?.Invoke(content.Name);
            lock (files._lock)
            {
                files.Step();
                files.Syncs++;
                files.Journal.Add($"sync {content.Name}");
                if (files.SyncWorks) content.Durable = content.Bytes;
            }
        }

        public void Truncate(long length)
        {
            lock (files._lock)
            {
                files.Step();
                if (files.Space < long.MaxValue / 2) files.Space += content.Bytes.Length - length;
                content.Bytes = content.Bytes[..(int)length];
            }
        }

        public void Dispose() { }
    }

    private sealed class Unlock(FaultyFiles files) : IDisposable
    {
        public void Dispose() => files._locked = false;
    }
}
