namespace Fairlead.Terminal;

/// <summary>A line that says what is being done: on a terminal it changes and goes away again, elsewhere there is none.</summary>
internal sealed class ChangingLine(TextWriter output, TimeProvider time)
{
    private static readonly bool IsTerminal = !Console.IsOutputRedirected;
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(100);
    private readonly Lock _lock = new();
    private long _shown;
    private int _width;

    /// <summary>Shows a text in place of the one before, unless that is too young.</summary>
    public void Show(Func<string> text)
    {
        if (!IsTerminal) return;
        lock (_lock)
        {
            if (_shown != 0 && time.GetElapsedTime(_shown) < Between) return;
            _shown = time.GetTimestamp();
            Write(text());
        }
    }

    /// <summary>Takes the line away.</summary>
    public void Clear()
    {
        if (!IsTerminal) return;
        lock (_lock)
        {
            if (_shown == 0) return;
            Write("");
            output.Write('\r');
        }
    }

    private void Write(string text)
    {
        output.Write($"\r   {text.PadRight(_width)}");
        _width = text.Length;
    }
}
