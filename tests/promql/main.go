// Command promql evaluates PromQL with Prometheus' own engine over series that it is given: JSON in on standard input, JSON out.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"math"
	"os"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// Series has samples [seconds, value]; labels include __name__.
type Series struct {
	Labels  map[string]string `json:"labels"`
	Samples [][2]float64      `json:"samples"`
}

type Input struct {
	Start   int64    `json:"start"`
	End     int64    `json:"end"`
	Step    int64    `json:"step"`
	Series  []Series `json:"series"`
	Queries []string `json:"queries"`
}

// Answer is a series of a result; a value that JSON has no word for (NaN, infinite) is null.
type Answer struct {
	Labels  map[string]string `json:"labels"`
	Samples [][2]any          `json:"samples"`
}

type Result struct {
	Series []Answer `json:"series"`
	Error  string   `json:"error,omitempty"`
}

// sample is one float; the time is in milliseconds.
type sample struct {
	at    int64
	value float64
}

func (s sample) T() int64                      { return s.at }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.value }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

type set struct {
	found []storage.Series
	at    int
}

func (s *set) Next() bool                        { s.at++; return s.at <= len(s.found) }
func (s *set) At() storage.Series                { return s.found[s.at-1] }
func (s *set) Err() error                        { return nil }
func (s *set) Warnings() annotations.Annotations { return nil }

func queryable(given []Series) storage.Queryable {
	var all []storage.Series
	for _, one := range given {
		var samples []chunks.Sample
		for _, one := range one.Samples {
			samples = append(samples, sample{int64(one[0] * 1000), one[1]})
		}
		all = append(all, storage.NewListSeries(labels.FromMap(one.Labels), samples))
	}
	choose := func(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
		var found []storage.Series
	next:
		for _, one := range all {
			for _, matcher := range matchers {
				if !matcher.Matches(one.Labels().Get(matcher.Name)) {
					continue next
				}
			}
			found = append(found, one)
		}
		return &set{found: found}
	}
	return storage.QueryableFunc(func(_, _ int64) (storage.Querier, error) {
		return &storage.MockQuerier{SelectMockFunction: choose}, nil
	})
}

func evaluate(engine *promql.Engine, from storage.Queryable, query string, in Input) Result {
	seconds := func(n int64) time.Time { return time.Unix(n, 0) }
	asked, err := engine.NewRangeQuery(context.Background(), from, nil, query, seconds(in.Start), seconds(in.End), time.Duration(in.Step)*time.Second)
	if err != nil {
		return Result{Error: err.Error()}
	}
	defer asked.Close()
	matrix, err := asked.Exec(context.Background()).Matrix()
	if err != nil {
		return Result{Error: err.Error()}
	}
	result := Result{Series: []Answer{}}
	for _, one := range matrix {
		series := Answer{Labels: one.Metric.Map()}
		for _, point := range one.Floats {
			series.Samples = append(series.Samples, [2]any{float64(point.T) / 1000, number(point.F)})
		}
		result.Series = append(result.Series, series)
	}
	return result
}

func number(value float64) any {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return nil
	}
	return value
}

func main() {
	var in Input
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		log.Fatal(fmt.Errorf("the input: %w", err))
	}
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 50_000_000, Timeout: time.Minute, EnableAtModifier: true, Parser: parser.NewParser(parser.Options{})})
	results := []Result{}
	for _, query := range in.Queries {
		results = append(results, evaluate(engine, queryable(in.Series), query, in))
	}
	if err := json.NewEncoder(os.Stdout).Encode(results); err != nil {
		log.Fatal(err)
	}
}
