using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Fairlead.Terminal;

/// <summary>Logs a line an event to standard error, in klog's form: <c>I1122 21:27:00.123456 part: message</c>.</summary>
internal sealed class LineLoggerFactory(LogLevel least, TimeProvider time) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => new LineLogger(categoryName, Least(categoryName), time);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("Lines to standard error are the only log.");

    public void Dispose()
    {
    }

    // The web server tells of every connection that a client drops.
    private LogLevel Least(string category) =>
        category.StartsWith("Microsoft.", StringComparison.Ordinal) && least < LogLevel.Error ? LogLevel.Error : least;

    private sealed class LineLogger(string category, LogLevel least, TimeProvider time) : ILogger
    {
        private readonly string _part = category[(category.LastIndexOf('.') + 1)..].ToLowerInvariant();

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= least && logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel)) return;
            var letter = logLevel switch { LogLevel.Information => 'I', LogLevel.Warning => 'W', >= LogLevel.Error => 'E', _ => 'D' };
            var line = string.Create(CultureInfo.InvariantCulture, $"{letter}{time.GetLocalNow():MMdd HH:mm:ss.ffffff} {_part}: {formatter(state, exception)}");
            if (exception is not null) line += " | " + exception.ToString().ReplaceLineEndings(" | ");
            Console.Error.WriteLine(line);
        }
    }
}
